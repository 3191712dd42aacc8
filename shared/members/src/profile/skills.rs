//! Skills: what a member can do, each listed once in any spelling.

use serde::{Deserialize, Serialize};

use super::{
    handle::folded,
    violation::{Code, Findings},
};

/// Most skills.
pub const MOST: usize = 50;
/// Most characters of a skill's name.
pub const LONGEST: usize = 60;
/// Most years of one skill.
pub const YEARS: i64 = 70;

/// How well a member knows something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "each says itself")]
pub enum Level {
    Beginner,
    Intermediate,
    Advanced,
    Expert,
}

impl Level {
    /// Every level, the lowest first.
    pub const ALL: [Self; 4] = [Self::Beginner, Self::Intermediate, Self::Advanced, Self::Expert];

    /// The name in the API: `EXPERT`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Beginner => "BEGINNER",
            Self::Intermediate => "INTERMEDIATE",
            Self::Advanced => "ADVANCED",
            Self::Expert => "EXPERT",
        }
    }
}

/// A skill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skill {
    /// As the member writes it: `Rust`.
    pub name: String,
    /// The level, if given.
    pub level: Option<Level>,
    /// The years, if given.
    pub years: Option<u8>,
}

/// The key that skills are compared and found by: `ＲＵＳＴ` is `rust`, and so is ` Rust `.
pub fn key(name: &str) -> String {
    folded(name).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Removes duplicate skills, in the member's order. A duplicate with the same or less data is dropped; one with
/// different data is a violation, since the intended one is unknown.
///
/// Each comes with its index in the input.
pub fn once(skills: Vec<(usize, Skill)>, path: &str, findings: &mut Findings) -> Vec<Skill> {
    let mut kept: Vec<Skill> = Vec::new();
    for (at, skill) in skills {
        let this = key(&skill.name);
        let Some(known) = kept.iter_mut().find(|known| key(&known.name) == this) else {
            kept.push(skill);
            continue;
        };
        let level = agreed(known.level, skill.level);
        let years = agreed(known.years, skill.years);
        match (level, years) {
            (Ok(level), Ok(years)) => (known.level, known.years) = (level, years),
            _ => findings.add(Code::SkillDuplicate, &format!("{path}[{at}].name"), &skill.name),
        }
    }
    kept
}

/// Merges two entries, unless they conflict.
fn agreed<T: PartialEq>(one: Option<T>, other: Option<T>) -> Result<Option<T>, ()> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => Err(()),
        (one, other) => Ok(one.or(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skill(name: &str, level: Option<Level>, years: Option<u8>) -> Skill {
        Skill { name: name.into(), level, years }
    }

    #[test]
    fn a_skill_is_there_once() {
        let mut findings = Findings::default();
        let written = vec![
            (0, skill("Rust", Some(Level::Expert), None)),
            (1, skill("ＲＵＳＴ", None, Some(8))),
            (2, skill("SQL", None, None)),
            (3, skill("rust", Some(Level::Beginner), None)),
        ];
        let kept = once(written, "skills", &mut findings);
        assert_eq!(kept, [skill("Rust", Some(Level::Expert), Some(8)), skill("SQL", None, None)]);
        assert_eq!(findings.0.len(), 1);
        assert_eq!((findings.0[0].code, findings.0[0].path.as_str()), (Code::SkillDuplicate, "skills[3].name"));
    }
}
