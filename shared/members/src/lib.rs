//! Member profiles: writing, access, changes, and erasure after a deletion.
//!
//! `cv` reads the PDF that a member brings; `profile` holds the rules; stores are injected through small traits. `memory`
//! has such stores for tests, and `testing` the contract of each.

#[cfg(feature = "cv")]
pub mod cv;
pub mod profile;

#[cfg(any(test, feature = "testing"))]
pub mod memory;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
