//! Follows a PDF from its catalog: what is refused, what is dropped, and what is kept under new numbers.

use std::collections::BTreeMap;

use lopdf::{Dictionary, Document, Object, ObjectId, Stream};

use super::{Refusal, photo};

/// The catalog's number in the file that is written.
pub(super) const FIRST: ObjectId = (1, 0);

/// Keys that describe the document or its author's programs, and change nothing of what is seen (sections 14.3, 14.5).
const DROPPED: [&[u8]; 4] = [b"LastModified", b"Metadata", b"Perms", b"PieceInfo"];

/// Schemes of links in a CV.
const SCHEMES: [&str; 4] = ["http", "https", "mailto", "tel"];

/// Refuses what happens when the file is opened, unless it only turns to a page (section 12.3.2).
pub(super) fn opens_quietly(read: &Document) -> Result<(), Refusal> {
    let catalog = read.catalog().map_err(|_| Refusal::Unreadable)?;
    let Ok(action) = catalog.get_deref(b"OpenAction", read) else { return Ok(()) };
    let Object::Dictionary(action) = action else { return Ok(()) };
    let turns = action.get_deref(b"S", read).and_then(Object::as_name).is_ok_and(|name| name == b"GoTo");
    if turns { Ok(()) } else { Err(Refusal::Script) }
}

/// The objects that `root` leads to, swept, numbered from [`FIRST`].
pub(super) fn reachable(
    mut objects: BTreeMap<ObjectId, Object>,
    root: ObjectId,
) -> Result<BTreeMap<ObjectId, Object>, Refusal> {
    let mut numbers = Numbers { known: BTreeMap::new(), ahead: Vec::new() };
    numbers.of(root);
    let mut kept = BTreeMap::new();
    while let Some((old, new)) = numbers.ahead.pop() {
        // What is not there is null (section 7.3.10).
        let mut object = objects.remove(&old).unwrap_or(Object::Null);
        numbers.sweep(&mut object)?;
        kept.insert(new, object);
    }
    Ok(kept)
}

/// The new numbers of objects, in the order in which they are met.
struct Numbers {
    known: BTreeMap<ObjectId, ObjectId>,
    ahead: Vec<(ObjectId, ObjectId)>,
}

impl Numbers {
    fn of(&mut self, old: ObjectId) -> ObjectId {
        let next = u32::try_from(self.known.len()).unwrap_or(u32::MAX).saturating_add(FIRST.0);
        *self.known.entry(old).or_insert_with(|| {
            let new = (next, 0);
            self.ahead.push((old, new));
            new
        })
    }

    // As deep as the reader reads: a hundred.
    fn sweep(&mut self, object: &mut Object) -> Result<(), Refusal> {
        match object {
            Object::Reference(id) => {
                *id = self.of(*id);
                Ok(())
            }
            Object::Name(name) => refused_name(name).map_or(Ok(()), Err),
            Object::Array(values) => values.iter_mut().try_for_each(|value| self.sweep(value)),
            Object::Dictionary(dictionary) => self.dictionary(dictionary),
            Object::Stream(stream) => {
                // Its bytes are in another file (section 7.3.8).
                if stream.dict.has(b"F") || stream.dict.has(b"FFilter") {
                    return Err(Refusal::EmbeddedFile);
                }
                self.dictionary(&mut stream.dict)?;
                plain_photo(stream);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn dictionary(&mut self, dictionary: &mut Dictionary) -> Result<(), Refusal> {
        for dropped in DROPPED {
            dictionary.remove(dropped);
        }
        for (key, value) in dictionary.iter_mut() {
            if let Some(refusal) = refused_key(key, value) {
                return Err(refusal);
            }
            self.sweep(value)?;
        }
        Ok(())
    }
}

fn plain_photo(stream: &mut Stream) {
    if stream.filters().is_ok_and(|filters| filters == [b"DCTDecode"])
        && let Some(plain) = photo::without_metadata(&stream.content)
    {
        stream.set_content(plain);
    }
}

/// What no entry of this name may be in (sections 7.11.4, 12.6.3, 12.6.4, 12.7.8, 13.7).
fn refused_key(key: &[u8], value: &Object) -> Option<Refusal> {
    match key {
        b"JavaScript" | b"JS" | b"AA" => Some(Refusal::Script),
        b"Launch" => Some(Refusal::Link),
        b"EmbeddedFile" | b"EmbeddedFiles" | b"EF" | b"RF" | b"Collection" => Some(Refusal::EmbeddedFile),
        b"RichMediaContent" | b"RichMediaSettings" | b"Movie" | b"Sound" | b"3DD" => Some(Refusal::Media),
        b"XFA" => Some(Refusal::Form),
        // A blend mode has the same name.
        b"Subtype" if value.as_name().is_ok_and(|name| name == b"Screen") => Some(Refusal::Media),
        b"URI" => match value {
            Object::String(address, _) => (!is_link(address)).then_some(Refusal::Link),
            // The base of links, which is swept itself (section 12.6.4.7).
            Object::Dictionary(_) => None,
            _ => Some(Refusal::Link),
        },
        b"Base" => value.as_str().is_ok_and(|address| !is_link(address)).then_some(Refusal::Link),
        _ => None,
    }
}

/// Kinds of actions, annotations and objects that are refused wherever they are named.
fn refused_name(name: &[u8]) -> Option<Refusal> {
    match name {
        b"JavaScript" => Some(Refusal::Script),
        b"Launch" | b"GoToE" | b"GoToR" | b"Thread" => Some(Refusal::Link),
        b"EmbeddedFile" | b"FileAttachment" => Some(Refusal::EmbeddedFile),
        b"RichMedia" | b"RichMediaExecute" | b"Rendition" | b"Movie" | b"Sound" | b"3D" | b"GoTo3DView" => {
            Some(Refusal::Media)
        }
        b"SubmitForm" | b"ImportData" => Some(Refusal::Form),
        _ => None,
    }
}

/// Whether a link leads to a page, a mailbox or a telephone.
fn is_link(address: &[u8]) -> bool {
    // Readers skip what a program before them may see as part of the scheme.
    let address: Vec<u8> = address.iter().copied().filter(|byte| byte.is_ascii_graphic()).take(2000).collect();
    let text = String::from_utf8_lossy(&address);
    match text.split_once(':') {
        Some((scheme, _)) if scheme.contains(['/', '?', '#']) => true,
        Some((scheme, _)) => SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)),
        // `www.example.org`, without a scheme; but neither `\\host\share` nor `//host/share`.
        None => !text.starts_with(['\\', '/']),
    }
}
