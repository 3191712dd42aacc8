//! Sorts the items of a table, which a scan returns in no order, in bounded memory: sorted runs on disk, then merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context, ensure};

use super::format::{ItemLine, Key};

/// Bytes of lines that are held in memory at once.
pub const MEMORY: usize = 32 * 1024 * 1024;

/// Takes items in any order.
#[derive(Debug)]
pub struct Sorter {
    folder: PathBuf,
    memory: usize,
    held: Vec<ItemLine>,
    bytes: usize,
    runs: Vec<PathBuf>,
}

impl Sorter {
    /// Sorts with runs in `folder`, which is its own, and this many bytes in memory.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(folder: PathBuf, memory: usize) -> anyhow::Result<Self> {
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        Ok(Self { folder, memory, held: Vec::new(), bytes: 0, runs: Vec::new() })
    }

    /// Takes an item.
    ///
    /// # Errors
    /// When a run cannot be written.
    pub fn push(&mut self, line: ItemLine) -> anyhow::Result<()> {
        self.bytes += line.text.len() + line.key.0.len() + line.key.1.len();
        self.held.push(line);
        if self.bytes > self.memory { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> anyhow::Result<()> {
        self.held.sort_unstable();
        let run = self.folder.join(format!("run{:05}", self.runs.len()));
        let mut file = BufWriter::new(File::create(&run)?);
        for line in self.held.drain(..) {
            writeln!(file, "{}", line.text)?;
        }
        file.flush()?;
        self.runs.push(run);
        self.bytes = 0;
        Ok(())
    }

    /// Passes every line on, in the order of the keys, and removes the runs.
    ///
    /// # Errors
    /// When a run cannot be read, a key comes twice, or `each` fails.
    pub fn finish(mut self, mut each: impl FnMut(&ItemLine) -> anyhow::Result<()>) -> anyhow::Result<()> {
        self.spill()?;
        let mut readers = Vec::with_capacity(self.runs.len());
        let mut next = BinaryHeap::with_capacity(self.runs.len());
        for (place, run) in self.runs.iter().enumerate() {
            let mut reader = BufReader::new(File::open(run)?);
            next.extend(line_of(&mut reader)?.map(|line| Reverse((line, place))));
            readers.push(reader);
        }
        let mut last: Option<Key> = None;
        while let Some(Reverse((line, place))) = next.pop() {
            ensure!(last.as_ref() != Some(&line.key), "{:?} was read twice: take the export again", line.key);
            each(&line)?;
            last = Some(line.key);
            if let Some(reader) = readers.get_mut(place) {
                next.extend(line_of(reader)?.map(|line| Reverse((line, place))));
            }
        }
        fs::remove_dir_all(&self.folder).with_context(|| format!("{} cannot be removed", self.folder.display()))
    }
}

fn line_of(reader: &mut impl BufRead) -> anyhow::Result<Option<ItemLine>> {
    let mut text = String::new();
    if reader.read_line(&mut text)? == 0 {
        return Ok(None);
    }
    ItemLine::read(text.trim_end_matches('\n')).map(Some)
}

/// How many items differ between two sorted files of items: changed, added or gone; and some of their keys.
///
/// # Errors
/// When one cannot be read.
pub fn differences(mut one: impl BufRead, mut two: impl BufRead) -> anyhow::Result<(u64, Vec<String>)> {
    let (mut count, mut some) = (0, Vec::new());
    let (mut a, mut b) = (line_of(&mut one)?, line_of(&mut two)?);
    loop {
        let (left, right) = match (&a, &b) {
            (None, None) => return Ok((count, some)),
            (Some(_), None) => (true, false),
            (None, Some(_)) => (false, true),
            (Some(x), Some(y)) => (x.key <= y.key, y.key <= x.key),
        };
        if a.as_ref().filter(|_| left) != b.as_ref().filter(|_| right) {
            count += 1;
            let named = if left { &a } else { &b };
            some.extend(named.iter().filter(|_| count <= 3).map(|line| line.key.0.clone()));
        }
        if left {
            a = line_of(&mut one)?;
        }
        if right {
            b = line_of(&mut two)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(pk: &str, n: usize) -> ItemLine {
        ItemLine::of(&json!({"pk": {"S": pk}, "sk": {"S": "-"}, "n": {"N": n.to_string()}})).unwrap()
    }

    fn folder(name: &str) -> PathBuf {
        crate::paths::local().join("tests").join(format!("sorter-{name}"))
    }

    fn sorted(name: &str, lines: &[ItemLine], memory: usize) -> anyhow::Result<Vec<String>> {
        let mut sorter = Sorter::new(folder(name), memory)?;
        for line in lines {
            sorter.push(line.clone())?;
        }
        let mut keys = Vec::new();
        sorter.finish(|line| {
            keys.push(line.key.0.clone());
            Ok(())
        })?;
        Ok(keys)
    }

    #[test]
    fn items_come_out_in_order_however_little_memory_there_is() {
        let mut lines: Vec<ItemLine> = (0..500).map(|n| line(&format!("K#{n:04}"), n)).collect();
        let expected: Vec<String> = lines.iter().map(|line| line.key.0.clone()).collect();
        fastrand::Rng::with_seed(7).shuffle(&mut lines);
        for memory in [0, 500, usize::MAX] {
            assert_eq!(sorted("order", &lines, memory).unwrap(), expected, "{memory}");
        }
        assert!(!folder("order").exists(), "nothing is left");
        assert!(sorted("none", &[], 0).unwrap().is_empty());
    }

    #[test]
    fn an_item_that_comes_twice_is_an_error() {
        let twice = [line("A", 1), line("B", 1), line("A", 2)];
        assert!(sorted("twice", &twice, 0).unwrap_err().to_string().contains("read twice"));
    }

    #[test]
    fn what_changed_between_two_reads_is_counted_and_named() {
        let text = |lines: &[ItemLine]| lines.iter().map(|line| format!("{}\n", line.text)).collect::<String>();
        let before = text(&[line("A", 1), line("B", 1), line("C", 1)]);
        let after = text(&[line("A", 1), line("B", 2), line("D", 1)]);
        let found = differences(before.as_bytes(), after.as_bytes()).unwrap();
        assert_eq!(found, (3, vec!["B".to_owned(), "C".to_owned(), "D".to_owned()]));
        assert_eq!(differences(before.as_bytes(), before.as_bytes()).unwrap(), (0, Vec::new()));
        assert_eq!(differences(&b""[..], before.as_bytes()).unwrap().0, 3);
    }
}
