//! The whole bundle, end to end: one behaviour per module, one binary for all, so that a change is linked once.
//!
//! `cargo test --test it` runs them, `cargo test --test it refund::` one module. Each test has its own bundle, on free
//! ports.

mod announced;
mod cases;
mod contention;
mod contract;
mod crowd;
mod delivery;
mod doctor;
mod doors;
mod event_source;
mod faults;
mod force;
mod forgotten;
mod graphql;
mod guard;
mod house;
mod joined;
mod lanes;
mod limits;
mod live;
mod load;
mod origins;
mod permanent;
mod plans;
mod poison;
mod profiles;
mod reconcile;
mod records;
mod recovery;
mod refund;
mod restored;
mod retention;
mod roles;
mod sale;
mod sam_local;
mod settings;
mod stripe_stand_in;
mod sweep;
mod team;
mod template;
mod tokens;
mod transfer;
mod webhook;
