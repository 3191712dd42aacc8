//! The names of customers' accounts in the journal: an account has the newest name of the month, because importers take an
//! account and its name for one partner.
//!
//! The newest name is known at the end, and the rows are written before. Most customers have one name, so each account's
//! name is kept as a hash, and only names that changed are kept whole: they are put into the file at the end.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, RandomState},
    io::{BufRead, BufReader, BufWriter, Read, Write},
};

use super::cells::Unwritable;

/// The columns `CompAuxNum` and `CompAuxLib`, counted from 0.
const ACCOUNT: usize = 6;
const NAME: usize = 7;

/// The accounts of a month, and the newest names of those that have several.
///
/// An account takes 16 bytes, some 35 as the map grows. Should two of a million accounts share a hash (1 in 10^7 months), one of
/// them may keep two names in the file.
#[derive(Debug, Default)]
pub(super) struct Names {
    hasher: RandomState,
    last: HashMap<u64, u64>,
    changed: BTreeMap<String, String>,
}

impl Names {
    /// Notes the account of one more document.
    pub(super) fn add(&mut self, account: &str, name: &str) {
        let before = self.last.insert(self.hasher.hash_one(account), self.hasher.hash_one(name));
        if before.is_some_and(|before| before != self.hasher.hash_one(name)) {
            self.changed.insert(account.to_owned(), name.to_owned());
        }
    }

    /// Copies a draft of the journal with the newest names.
    pub(super) fn put_into<W: Write>(&self, draft: impl Read, sink: W) -> Result<W, Unwritable> {
        let (mut draft, mut sink) = (BufReader::new(draft), BufWriter::new(sink));
        let mut line = Vec::new();
        while draft.read_until(b'\n', &mut line)? > 0 {
            match self.newest(&line) {
                None => sink.write_all(&line)?,
                Some(name) => {
                    for (place, cell) in line.split(|byte| *byte == b'\t').enumerate() {
                        if place > 0 {
                            sink.write_all(b"\t")?;
                        }
                        sink.write_all(if place == NAME { name.as_bytes() } else { cell })?;
                    }
                }
            }
            line.clear();
        }
        sink.into_inner().map_err(|error| Unwritable::from(error.into_error()))
    }

    /// The name that belongs into a row, if its account had several.
    fn newest(&self, line: &[u8]) -> Option<&String> {
        let account = line.split(|byte| *byte == b'\t').nth(ACCOUNT)?;
        self.changed.get(std::str::from_utf8(account).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_gets_its_newest_name_and_the_others_keep_theirs() {
        let mut names = Names::default();
        for (account, name) in [("C1", "Zoé"), ("C2", "Ada"), ("C1", "Zoé L."), ("C2", "Ada"), ("C1", "Zoé")] {
            names.add(account, name);
        }
        names.add("C3", "Max");
        names.add("C3", "Maxime");
        let row = |account: &str, name: &str| format!("1\t2\t3\t4\t5\t6\t{account}\t{name}\t9\t\t\r\n");
        let draft = ["C1", "C2", "C3", ""].map(|account| row(account, "old")).concat();
        let newest = [row("C1", "Zoé"), row("C2", "old"), row("C3", "Maxime"), row("", "old")].concat();
        let written = names.put_into(draft.as_bytes(), Vec::new()).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), newest);
    }
}
