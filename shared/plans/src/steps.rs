//! The steps of dunning, as the owner writes them in `infra/plans.toml`, and their checks.

use comptoir::seller::Problem;
use serde::{Deserialize, Serialize};

/// The most unpaid invoices that are counted.
pub const MOST_UNPAID: u32 = 12;

/// The steps as they are written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DunningEntry {
    /// What follows, step by step.
    #[serde(default, rename = "step", skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepEntry>,
}

impl DunningEntry {
    /// Whether nothing follows.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// A step as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepEntry {
    /// After how many unpaid invoices it is taken; where nothing is written, the first step after one, the second after two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpaid: Option<u32>,
    /// What it does.
    pub does: String,
}

/// What a step does, the mildest first. Each sends its mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Does {
    /// It writes.
    Mail,
    /// It writes what the next step takes away.
    Warn,
    /// Access waits until everything is paid.
    Restrict,
    /// Access ends until everything is paid.
    CutOff,
    /// The same, and the seller's app may free what it keeps for the customer.
    FreeResources,
}

impl Does {
    /// Whether it takes something away: that waits for a working day.
    pub fn takes_away(self) -> bool {
        self >= Self::Restrict
    }

    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "mail" => Self::Mail,
            "warn" => Self::Warn,
            "restrict" => Self::Restrict,
            "cut_off" => Self::CutOff,
            "free_resources" => Self::FreeResources,
            _ => return None,
        })
    }

    /// As it is stored beside a subscription.
    pub fn word(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Warn => "warn",
            Self::Restrict => "restrict",
            Self::CutOff => "cut_off",
            Self::FreeResources => "free_resources",
        }
    }

    /// What was stored.
    pub fn stored(word: &str) -> Option<Self> {
        Self::of(word)
    }
}

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// After how many unpaid invoices it is taken.
    pub unpaid: u32,
    /// What it does.
    pub does: Does,
}

/// Checks the steps; what is wrong with them goes to `problems`.
pub fn read(entry: &DunningEntry, problems: &mut Vec<Problem>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::with_capacity(entry.steps.len());
    for (n, written) in entry.steps.iter().enumerate() {
        let mut add = |name: &str, value: &str, fix: &str| {
            let field = format!("dunning.step[{n}].{name}");
            problems.push(Problem { field, value: value.to_owned(), fix: fix.to_owned() });
        };
        let unpaid = written.unpaid.unwrap_or_else(|| u32::try_from(n + 1).unwrap_or(u32::MAX));
        if !(1..=MOST_UNPAID).contains(&unpaid) {
            add("unpaid", &unpaid.to_string(), "write a number of unpaid invoices from 1 to 12");
        } else if steps.last().is_some_and(|before| before.unpaid >= unpaid) {
            add("unpaid", &unpaid.to_string(), "write a higher number than in the step before");
        }
        let does = Does::of(&written.does);
        match does {
            None if written.does == "sms" => {
                add("does", "sms", "text messages cannot be sent yet; write mail");
            }
            None => add("does", &written.does, "write mail, warn, restrict, cut_off or free_resources"),
            Some(does) if does.takes_away() && steps.last().is_some_and(|before| before.does > does) => {
                add("does", &written.does, "the step before takes away more; write the milder step first");
            }
            Some(Does::Warn) if steps.last().is_some_and(|before| before.does.takes_away()) => {
                add("does", "warn", "the step before has taken access away; write mail, or warn before it");
            }
            Some(_) => {}
        }
        if let Some(does) = does {
            steps.push(Step { unpaid, does });
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(written: &[(Option<u32>, &str)]) -> (Vec<Step>, Vec<String>) {
        let steps = written.iter().map(|&(unpaid, does)| StepEntry { unpaid, does: does.to_owned() }).collect();
        let mut problems = Vec::new();
        let read = read(&DunningEntry { steps }, &mut problems);
        (
            read,
            problems
                .iter()
                .map(|problem| format!("{} = {:?}: {}", problem.field, problem.value, problem.fix))
                .collect(),
        )
    }

    #[test]
    fn steps_count_from_one_unless_they_say_otherwise() {
        let (read, problems) = steps(&[(None, "mail"), (None, "warn"), (Some(5), "free_resources")]);
        assert_eq!(problems, Vec::<String>::new());
        let read: Vec<_> = read.iter().map(|step| (step.unpaid, step.does)).collect();
        assert_eq!(read, [(1, Does::Mail), (2, Does::Warn), (5, Does::FreeResources)]);
        assert!(read.iter().all(|(_, does)| Does::stored(does.word()) == Some(*does)));
    }

    #[test]
    fn every_mistake_names_its_field_its_value_and_the_fix() {
        let (_, problems) = steps(&[
            (Some(0), "sms"),
            (Some(3), "cut"),
            (Some(3), "cut_off"),
            (Some(3), "restrict"),
            (Some(13), "warn"),
        ]);
        assert_eq!(
            problems,
            [
                "dunning.step[0].unpaid = \"0\": write a number of unpaid invoices from 1 to 12",
                "dunning.step[0].does = \"sms\": text messages cannot be sent yet; write mail",
                "dunning.step[1].does = \"cut\": write mail, warn, restrict, cut_off or free_resources",
                "dunning.step[3].unpaid = \"3\": write a higher number than in the step before",
                "dunning.step[3].does = \"restrict\": the step before takes away more; write the milder step first",
                "dunning.step[4].unpaid = \"13\": write a number of unpaid invoices from 1 to 12",
                "dunning.step[4].does = \"warn\": the step before has taken access away; write mail, or warn before it",
            ]
        );
    }
}
