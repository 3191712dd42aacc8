//! `cargo preview`: the invoice template as you edit it. Renders, then watches its files and renders again.
//!
//! Also runs the other rendering commands, so that the engine is linked once: `press` for the measurements of `cargo
//! peers`, `scripts` for one page with every script that has a font.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool for a person at a terminal")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use comptoir::clock::{Clock, SystemClock};
use invoice_renderer::preview::{Preview, watch::Seen};
use mimalloc::MiMalloc;

mod press;
mod scripts;

/// The function's own.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const USAGE: &str = "cargo preview [--event FILE] [--out FILE] [--once]
  --event FILE  shows the sale of a Stripe event (checkout.session.completed, invoice.paid) instead of the samples
  --out FILE    where the PDF goes, instead of target/preview/invoice.pdf
  --once        renders and ends, instead of watching infra/templates and infra/seller.toml";

const PAUSE: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = fs::canonicalize(&root).unwrap_or(root);
    let given: Vec<String> = env::args().skip(1).collect();
    match given.split_first() {
        Some((tool, rest)) if tool == "press" => return press::main(rest),
        Some((tool, rest)) if tool == "scripts" => return scripts::main(rest),
        _ => {}
    }
    match arguments(&root, given.into_iter()) {
        Ok((preview, true)) if show(&preview) => ExitCode::SUCCESS,
        Ok((_, true)) => ExitCode::FAILURE,
        Ok((preview, false)) => watch(&preview),
        Err(wrong) => {
            eprintln!("{wrong}\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn arguments(root: &Path, given: impl Iterator<Item = String>) -> Result<(Preview, bool), String> {
    let mut given = given;
    let mut preview = Preview {
        seller: root.join("infra/seller.toml"),
        templates: root.join("infra/templates"),
        event: None,
        out: root.join("target/preview/invoice.pdf"),
    };
    let mut once = false;
    while let Some(argument) = given.next() {
        let mut file = || given.next().map(PathBuf::from).ok_or_else(|| format!("{argument} wants a file after it"));
        match argument.as_str() {
            "--event" => preview.event = Some(file()?),
            "--out" => preview.out = file()?,
            "--once" => once = true,
            "--help" | "-h" => return Err(String::new()),
            other => return Err(format!("{other} is not known here")),
        }
    }
    Ok((preview, once))
}

/// Renders once and reports the result.
fn show(preview: &Preview) -> bool {
    let begun = Instant::now();
    match preview.show(SystemClock.now()) {
        Ok(written) => {
            let written: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
            println!("{} ms  {}", begun.elapsed().as_millis(), written.join("  "));
            true
        }
        Err(unseen) => {
            eprintln!("{unseen}");
            false
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "nothing else runs on this thread")]
fn watch(preview: &Preview) -> ! {
    let fonts = preview.templates.join("fonts");
    let look = || {
        let files = [preview.seller.as_path(), &preview.templates, &fonts];
        Seen::now(files.into_iter().chain(preview.event.as_deref()))
    };
    let mut seen = look();
    show(preview);
    println!("Watching {} and {}; Ctrl-C ends.", preview.templates.display(), preview.seller.display());
    loop {
        thread::sleep(PAUSE);
        let now = look();
        if now != seen {
            seen = now;
            show(preview);
        }
    }
}
