//! A spool on disk: Lambda's `/tmp`.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek as _, Write},
    path::Path,
};

use comptoir::archive::spool::Spool;

/// A file without a name: it goes when it is closed, also if the function is ended in the middle. `/tmp` outlives that.
#[derive(Debug)]
pub struct TemporaryFile(File);

impl TemporaryFile {
    /// A new file in `folder`.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let path = folder.join(format!("comptoir-{:032x}", fastrand::u128(..)));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        fs::remove_file(&path)?;
        Ok(Self(file))
    }

    /// The file, from its beginning. One reader at a time: all of them share one position.
    ///
    /// # Errors
    /// When it cannot be opened once more.
    pub fn open(&self) -> io::Result<File> {
        let mut file = self.0.try_clone()?;
        file.rewind()?;
        Ok(file)
    }
}

impl Write for TemporaryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Spool for TemporaryFile {
    fn reader(&mut self) -> io::Result<impl Read + Send> {
        self.open()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spooled_is_read_from_its_beginning_and_leaves_nothing() {
        let folder = std::env::temp_dir().join(format!("comptoir-spool-{:x}", fastrand::u64(..)));
        fs::create_dir(&folder).unwrap();
        let mut spool = TemporaryFile::new(&folder).unwrap();
        spool.write_all(b"rows").unwrap();
        for _ in 0..2 {
            assert_eq!(io::read_to_string(spool.reader().unwrap()).unwrap(), "rows");
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "it has no name");
        fs::remove_dir(&folder).unwrap();
    }
}
