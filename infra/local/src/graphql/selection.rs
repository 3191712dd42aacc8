//! The selection below a field, as a function receives it; and the depth of a document.
//!
//! Fragments may reference each other so that a short document expands to a huge one: no fragment is walked twice here.

use std::collections::{BTreeSet, HashMap};

use apollo_compiler::ExecutableDocument;
use apollo_compiler::executable::{Field, Operation, Selection, SelectionSet};

/// Most entries of a list, and lines of a text: larger selections are not sensible input for a function.
const MOST: usize = 2_000;

/// `selectionSetList` and `selectionSetGraphQL` of a field.
pub fn told(document: &ExecutableDocument, fields: &[&Field]) -> (Vec<String>, String) {
    let mut teller = Teller { document, list: Vec::new(), text: String::new(), lines: 0 };
    if fields.iter().all(|field| field.selection_set.is_empty()) {
        return (Vec::new(), String::new());
    }
    teller.text.push('{');
    for field in fields {
        teller.set(&field.selection_set, "", 1);
    }
    teller.text.push_str("\n}");
    (teller.list, teller.text)
}

/// The names of the fields directly below these, ignoring aliases.
pub fn names<'a>(document: &'a ExecutableDocument, fields: &[&'a Field]) -> BTreeSet<&'a str> {
    let (mut names, mut seen) = (BTreeSet::new(), BTreeSet::new());
    let mut sets: Vec<&SelectionSet> = fields.iter().map(|field| &field.selection_set).collect();
    while let Some(set) = sets.pop() {
        for selection in &set.selections {
            match selection {
                Selection::Field(field) => {
                    names.insert(field.name.as_str());
                }
                Selection::InlineFragment(fragment) => sets.push(&fragment.selection_set),
                Selection::FragmentSpread(spread) if seen.insert(spread.fragment_name.as_str()) => {
                    sets.extend(spread.fragment_def(document).map(|fragment| &fragment.selection_set));
                }
                Selection::FragmentSpread(_) => {}
            }
        }
    }
    names
}

struct Teller<'a> {
    document: &'a ExecutableDocument,
    list: Vec<String>,
    text: String,
    lines: usize,
}

impl Teller<'_> {
    fn set(&mut self, set: &SelectionSet, path: &str, indent: usize) {
        for selection in &set.selections {
            self.lines += 1;
            if self.lines > MOST {
                return;
            }
            match selection {
                Selection::Field(field) => self.field(field, path, indent),
                Selection::InlineFragment(fragment) => self.set(&fragment.selection_set, path, indent),
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = spread.fragment_def(self.document) {
                        self.set(&fragment.selection_set, path, indent);
                    }
                }
            }
        }
    }

    fn field(&mut self, field: &Field, path: &str, indent: usize) {
        let key = field.response_key().as_str();
        let place = if path.is_empty() { key.to_owned() } else { format!("{path}/{key}") };
        self.text.push('\n');
        self.text.push_str(&"  ".repeat(indent));
        if field.alias.is_some() {
            self.text.push_str(&format!("{key}: "));
        }
        self.text.push_str(&field.name);
        if !self.list.contains(&place) {
            self.list.push(place.clone());
        }
        if !field.selection_set.is_empty() {
            self.text.push_str(" {");
            self.set(&field.selection_set, &place, indent + 1);
            self.text.push('\n');
            self.text.push_str(&"  ".repeat(indent));
            self.text.push('}');
        }
    }
}

/// The size of an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Root fields, each of which needs a resolver.
    pub fields: usize,
    /// Levels of fields.
    pub depth: usize,
    /// Levels of fields in introspection.
    pub introspection: usize,
}

/// Computes the size of an operation.
pub fn extent(document: &ExecutableDocument, operation: &Operation) -> Extent {
    let mut known = HashMap::new();
    let mut extent = Extent::default();
    for field in operation.root_fields(document) {
        let depth = 1 + depth_of(document, &field.selection_set, &mut known);
        if field.name.starts_with("__") {
            extent.introspection = extent.introspection.max(depth);
        } else {
            extent.depth = extent.depth.max(depth);
            extent.fields += 1;
        }
    }
    extent
}

/// A valid document has no recursive fragment, so this ends; results per fragment are cached, so it ends soon.
fn depth_of<'a>(document: &'a ExecutableDocument, set: &'a SelectionSet, known: &mut HashMap<&'a str, usize>) -> usize {
    let levels = set.selections.iter().map(|selection| match selection {
        Selection::Field(field) => 1 + depth_of(document, &field.selection_set, known),
        Selection::InlineFragment(fragment) => depth_of(document, &fragment.selection_set, known),
        Selection::FragmentSpread(spread) => {
            let name = spread.fragment_name.as_str();
            if let Some(depth) = known.get(name) {
                return *depth;
            }
            let fragment = spread.fragment_def(document);
            let depth = fragment.map_or(0, |fragment| depth_of(document, &fragment.selection_set, known));
            known.insert(name, depth);
            depth
        }
    });
    levels.max().unwrap_or_default()
}
