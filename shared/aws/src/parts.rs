//! Values larger than an item, stored in parts beside the record that references them.
//!
//! A record stores a small value in one attribute. A larger value is split into parts, items of their own that are
//! written first; the record references them by the hash of the whole value. Parts never change, so writing them again
//! is idempotent. If the record is never written, its parts stay unreferenced.

use aws_sdk_dynamodb::{Client, types::AttributeValue};

use super::item::{self, Item, below, new_item, number, read_number, read_text, text, trouble};
use comptoir::{archive::sha256, outcome::ServiceError};

/// Largest value stored inside its record, in bytes. Claiming 49 invoices writes each invoice and its payment: 98 items
/// of this size plus their other attributes, which stays below the 4 MB of a transaction (DynamoDB's quotas).
const INLINE: usize = 40 * 1024;

/// Largest part, in bytes: an item holds 400 KB, including its key and attribute names (DynamoDB's quotas).
const PART: usize = 350 * 1024;

/// Most parts read for one value: more would exceed anything that a function receives (6 MB, Lambda's quotas).
const MOST_PARTS: usize = 64;

/// The parts stored in a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts<'a> {
    pub client: &'a Client,
    pub table: &'a str,
    /// The name of this capability in errors.
    pub what: &'static str,
}

impl Parts<'_> {
    /// Writes the parts of a value that is too large for its record. Adds either the value (attribute `name`) or the
    /// reference to its parts to the record.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn insert(&self, record: &mut Item, name: &str, value: &str) -> Result<(), ServiceError> {
        self.insert_until(record, name, value, None).await
    }

    /// The same for a value whose record expires: its parts expire as well, unless another record stores the same value anew.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn insert_until(
        &self,
        record: &mut Item,
        name: &str,
        value: &str,
        expires_at: Option<&AttributeValue>,
    ) -> Result<(), ServiceError> {
        if value.len() <= INLINE {
            record.insert(name.to_owned(), text(value));
            return Ok(());
        }
        let hash = sha256(value.as_bytes());
        let mut count = 0_usize;
        for part in split(value) {
            let mut item = new_item(part_key(&hash, count), "PART");
            item.insert("text".to_owned(), text(part));
            item.extend(expires_at.map(|at| ("expires_at".to_owned(), at.clone())));
            let put = self.client.put_item().table_name(self.table).set_item(Some(item)).send().await;
            put.map_err(|error| trouble(self.what, &error))?;
            count += 1;
        }
        record.insert(format!("{name}_sha256"), text(hash));
        record.insert(format!("{name}_parts"), number(count));
        Ok(())
    }

    /// The value that a record stores as attribute `name` or in parts; `None` if it has none.
    ///
    /// # Errors
    /// When the store fails; permanent where a part is missing or was changed.
    pub async fn read(&self, record: &Item, name: &str) -> Result<Option<String>, ServiceError> {
        if let Some(value) = read_text(record, name) {
            return Ok(Some(value.to_owned()));
        }
        let Some(hash) = read_text(record, &format!("{name}_sha256")) else { return Ok(None) };
        let count: usize = read_number(record, &format!("{name}_parts")).unwrap_or_default();
        let mut value = String::new();
        for place in 0..count.min(MOST_PARTS) {
            let part = item::read(self.client, self.table, part_key(hash, place), self.what).await?;
            value.push_str(part.as_ref().and_then(|part| read_text(part, "text")).unwrap_or_default());
        }
        if sha256(value.as_bytes()) == hash { Ok(Some(value)) } else { Err(self.damaged(name)) }
    }

    /// Lets the parts of a value that a record stored as attribute `name` expire, if it had any.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn expire(&self, record: &Item, name: &str, expires_at: &AttributeValue) -> Result<(), ServiceError> {
        let Some(hash) = read_text(record, &format!("{name}_sha256")) else { return Ok(()) };
        let count: usize = read_number(record, &format!("{name}_parts")).unwrap_or_default();
        for place in 0..count.min(MOST_PARTS) {
            let Some(mut part) = item::read(self.client, self.table, part_key(hash, place), self.what).await? else {
                continue;
            };
            part.insert("expires_at".to_owned(), expires_at.clone());
            let put = self.client.put_item().table_name(self.table).set_item(Some(part)).send().await;
            put.map_err(|error| trouble(self.what, &error))?;
        }
        Ok(())
    }

    fn damaged(&self, name: &str) -> ServiceError {
        ServiceError::permanent(
            self.what,
            "record_unreadable",
            format!(
                "the parts of a record's `{name}` do not make what was written; restore them from a backup and replay"
            ),
        )
    }
}

/// All parts of a value lie under one partition key.
fn part_key(hash: &str, place: usize) -> Item {
    below("PART", hash, &format!("{place:04}"))
}

/// Splits a text into pieces of at most [`PART`] bytes, between characters.
fn split(mut value: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (part, rest) = value.split_at_checked(value.floor_char_boundary(PART))?;
        value = rest;
        (!part.is_empty()).then_some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_loses_none() {
        for value in ["", "a", &"é".repeat(PART), &"日本".repeat(PART), &"x".repeat(2 * PART)] {
            let parts: Vec<&str> = split(value).collect();
            assert!(
                parts.iter().all(|part| part.len() <= PART && part.len() > PART - 4 || *part == *parts.last().unwrap())
            );
            assert_eq!(parts.concat(), value);
        }
        assert_eq!(split(&"x".repeat(2 * PART)).count(), 2);
    }
}
