//! Proves settings before a number is given under them: a specimen is printed as a document of today would be.
//!
//! A template that cannot print even a specimen must not use up numbers: payments wait until it is mended, and the sweep
//! wakes those that the stream gave up.

use std::sync::atomic::{AtomicU64, Ordering};

use comptoir::{einvoice, invoice::print, invoice::print::Words, outcome::ServiceError, seller::Settings};
use jiff::civil::Date;

use crate::render::{
    Renderer,
    specimen::{self, Specimen},
};

const WHAT: &str = "the look of invoices";

/// The version of the settings that was proved last.
#[derive(Debug)]
pub struct Proof(AtomicU64);

impl Default for Proof {
    fn default() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }
}

impl Proof {
    /// Prints a specimen of `today`, once for each version of the settings. A day without a legal text parks its sales
    /// and is no reason to hold all of them.
    ///
    /// # Errors
    /// Held: these templates cannot print a document of these settings.
    pub fn of(&self, settings: &Settings, renderer: &Renderer, words: &Words, today: Date) -> Result<(), ServiceError> {
        if self.0.load(Ordering::Relaxed) == settings.version {
            return Ok(());
        }
        let unusable = |why: String| ServiceError::held(WHAT, "look_unusable", why);
        let seller = settings.of_day(today);
        renderer.require(&seller.look).map_err(|error| unusable(error.to_string()))?;
        let specimen = specimen::at_start(&seller, today).map_err(|unfit| unusable(unfit.reason().message))?;
        let Specimen { invoice, gap } = specimen;
        if let Some(gap) = gap {
            tracing::warn!(reason = %gap.reason(), "some sales of today cannot be invoiced and will be parked");
        }
        let twin = einvoice::factur_x(&invoice).map_err(|error| unusable(error.to_string()))?;
        let printed = renderer.render(&print::page(&invoice, &seller.look, words), &twin);
        printed.map_err(|error| unusable(error.to_string()))?;
        self.0.store(settings.version, Ordering::Relaxed);
        Ok(())
    }
}
