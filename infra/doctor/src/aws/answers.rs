//! Parses the services' answers: XML of the older ones, JSON of the others.

use roxmltree::{Document, Node};
use serde_json::Value;

use crate::facts::{Asked, Unasked};

/// An answer in JSON.
pub(super) fn json(what: &str, text: &str) -> Asked<Value> {
    serde_json::from_str(text).map_err(|_| Unasked::Unreadable { what: what.to_owned() })
}

/// An XML answer, passed to the caller's parser.
pub(super) fn xml<T>(what: &str, text: &str, read: impl FnOnce(&Document<'_>) -> T) -> Asked<T> {
    let document = Document::parse(text).map_err(|_| Unasked::Unreadable { what: what.to_owned() })?;
    Ok(read(&document))
}

/// The text of a child element; empty if there is none.
pub(super) fn child(node: Node<'_, '_>, name: &str) -> String {
    let found = node.children().find(|child| child.tag_name().name() == name);
    found.and_then(|child| child.text()).unwrap_or_default().trim().to_owned()
}

/// The elements of a list that have a child of this name.
pub(super) fn members<'a>(document: &'a Document<'a>, with: &'static str) -> impl Iterator<Item = Node<'a, 'a>> {
    let has = move |node: &Node<'_, '_>| node.children().any(|child| child.tag_name().name() == with);
    document.descendants().filter(|node| node.tag_name().name() == "member").filter(has)
}

/// A service's error code: a name, never a sentence.
pub(super) fn code(body: &str) -> String {
    let json = serde_json::from_str::<Value>(body).ok();
    let named = json
        .as_ref()
        .and_then(|json| ["__type", "code", "Code", "type", "Type"].iter().find_map(|name| json.get(*name)?.as_str()));
    let code = match named {
        Some(named) => named.rsplit('#').next().unwrap_or_default().to_owned(),
        None => Document::parse(body)
            .ok()
            .and_then(|document| {
                let found = document.descendants().find(|node| node.tag_name().name() == "Code")?;
                Some(found.text()?.to_owned())
            })
            .unwrap_or_default(),
    };
    code.chars().filter(|c| c.is_ascii_alphanumeric()).take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_named_and_not_quoted() {
        for (body, expected) in [
            (r#"{"__type":"com.amazonaws.ssm#ParameterNotFound","message":"/comptoir/x"}"#, "ParameterNotFound"),
            (
                "<ErrorResponse><Error><Code>AccessDenied</Code><Message>User a</Message></Error></ErrorResponse>",
                "AccessDenied",
            ),
            (r#"{"message":"no"}"#, ""),
            ("<html", ""),
        ] {
            assert_eq!(code(body), expected);
        }
    }
}
