//! The contract of every store of members' files, run against the one in memory and the real one.

use crate::profile::upload::{Files, Kind};
use comptoir::outcome::ServiceError;

use super::profiles::start;

/// Checks `files` against the whole contract. `run` is unique to each run.
///
/// # Errors
/// The store does not answer.
///
/// # Panics
/// The contract is violated.
pub async fn contract(files: &impl Files, run: &str) -> Result<(), ServiceError> {
    let key = format!("profiles/{run}/avatar/one");
    assert_eq!(files.read(&key, 10).await?, None, "what is not there is none, and no failure");
    files.remove(&key).await?;
    files.keep(&key, "image/png", b"0123456789").await?;
    assert_eq!(files.read(&key, 10).await?.as_deref(), Some(b"0123456789".as_slice()));
    assert_eq!(files.read(&key, 4).await?.as_deref(), Some(b"01234".as_slice()), "cut off after one more");
    files.keep(&key, "image/png", b"new").await?;
    assert_eq!(files.read(&key, 10).await?.as_deref(), Some(b"new".as_slice()), "over what was there");
    files.keep(&key, "image/png", b"").await?;
    assert_eq!(files.read(&key, 10).await?.as_deref(), Some(b"".as_slice()), "no bytes are not no file");
    assert!(files.signed(&key, Kind::Avatar, start()).await?.contains(&key));
    let (other, neighbour) = (format!("profiles/{run}/cv/two"), format!("profiles/{run}x/cv/three"));
    files.keep(&other, "application/pdf", b"%PDF-").await?;
    files.keep(&neighbour, "application/pdf", b"%PDF-").await?;
    files.remove_all(&format!("profiles/{run}/")).await?;
    files.remove_all(&format!("profiles/{run}/")).await?;
    assert_eq!((files.read(&key, 10).await?, files.read(&other, 10).await?), (None, None));
    assert!(files.read(&neighbour, 10).await?.is_some(), "a neighbour's files stay");
    files.remove(&neighbour).await?;
    assert_eq!(files.read(&neighbour, 10).await?, None);
    Ok(())
}
