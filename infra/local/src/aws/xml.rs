//! Reading the XML that CloudFormation and S3 answer.

use anyhow::Context;
use roxmltree::{Document, Node};

/// Parses, with a sentence when it is not XML.
///
/// # Errors
/// When it is not XML.
pub fn parse(text: &str) -> anyhow::Result<Document<'_>> {
    Document::parse(text)
        .context("the stand-in for AWS answered something else than XML; delete target/local and run the command again")
}

/// The text of the first child element named `name`.
pub fn child(node: Node<'_, '_>, name: &str) -> Option<String> {
    node.children().find(|child| child.tag_name().name() == name).and_then(|child| child.text()).map(str::to_owned)
}

/// All elements named `name`, at any depth.
pub fn all<'a>(document: &'a Document<'a>, name: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
    document.descendants().filter(move |node| node.tag_name().name() == name)
}
