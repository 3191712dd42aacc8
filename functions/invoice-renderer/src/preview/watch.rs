//! Detects changed files by their times and sizes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The state of files at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen(BTreeMap<PathBuf, (Option<SystemTime>, u64)>);

impl Seen {
    /// Records files, and folders with their direct entries. Missing files are skipped.
    pub fn now<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Self {
        let mut seen = BTreeMap::new();
        for path in paths {
            let inside = fs::read_dir(path).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
            for file in inside.chain([path.to_owned()]) {
                if let Some(state) = fs::metadata(&file).ok().filter(fs::Metadata::is_file) {
                    seen.insert(file, (state.modified().ok(), state.len()));
                }
            }
        }
        Self(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_comes_changes_or_goes_is_seen() {
        let folder = std::env::temp_dir().join(format!("comptoir-watch-{}", std::process::id()));
        fs::create_dir_all(folder.join("fonts")).unwrap();
        let look = || Seen::now([folder.as_path()]);
        let mut moments = vec![look()];
        let file = folder.join("a.typ");
        fs::write(&file, "1").unwrap();
        moments.push(look());
        fs::write(&file, "12").unwrap();
        moments.push(look());
        fs::write(&file, "21").unwrap();
        fs::File::options().write(true).open(&file).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        moments.push(look());
        assert_eq!(look(), moments[3]);
        fs::remove_file(&file).unwrap();
        assert_eq!(look(), moments[0]);
        moments.dedup();
        assert_eq!(moments.len(), 4);
        fs::remove_dir_all(&folder).unwrap();
    }
}
