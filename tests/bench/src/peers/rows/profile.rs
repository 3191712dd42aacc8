//! A member changes their profile: validation alone, and the whole mutation over the tables.

use anyhow::{Context, Result, ensure};
use comptoir_local::paths;
use serde_json::{Value, json};

use super::{memory::Busy, start::starts};
use crate::{
    loops::Judged,
    peers::{
        Measured, NODE, OURS, PYTHON,
        actor::Handler,
        report::{Better, Goal, Row, Spread},
    },
};

const FUNCTION: &str = "profile-mutation-validator";
const INVOCATIONS: u32 = 300;
const TIMES: [(&str, u32); 3] = [(OURS, 40_000), (NODE, 8_000), (PYTHON, 4_000)];

/// Ours compared with zod and pydantic on the same rules, and with handlers that use them.
pub async fn rows(at: &Measured<'_>) -> Result<Vec<Row>> {
    let mut rows = rules(at).await?;
    let handlers = at.stage.handlers(at.kit, FUNCTION, "profile")?;
    let (cpu, _) = starts(at, &handlers).await?;
    rows.extend(super::beside("CPU until it asks for work, profiles", "ms", &cpu, |_| None));
    let mut busy = Busy::default();
    let ours = handlers.iter().find(|handler| handler.name == OURS).context("ours is among them")?;
    for (place, handler) in handlers.iter().enumerate() {
        let member = Member::new(at, ours, place).await?;
        busy.work(at, handler, INVOCATIONS, |n| Ok(member.changes(n)), changed).await?;
    }
    rows.extend(super::beside("answer to a change of a profile, warm", "ms", &busy.answers, |_| None));
    rows.extend(super::beside("CPU of a change, with its share of the start", "ms", &busy.spent, |_| None));
    rows.extend(super::beside(&format!("memory after {INVOCATIONS} changes"), "MB", &busy.held, |_| None));
    Ok(rows)
}

/// Validation in a loop; a peer whose verdicts differ from ours is not compared.
async fn rules(at: &Measured<'_>) -> Result<Vec<Row>> {
    let cases = paths::repository().join("tests/bench/cases/profiles.json").display().to_string();
    let commands =
        [(OURS, Some(at.own_loop("validate")?)), (NODE, at.kit.node("validate")), (PYTHON, at.kit.python("validate"))];
    let mut rates: Vec<(&str, Vec<f64>)> = commands.iter().map(|(name, _)| (*name, Vec::new())).collect();
    let mut ours = None;
    for _ in 0..at.rounds.min(7) {
        for (((name, command), (_, times)), (_, rates)) in commands.iter().zip(TIMES).zip(&mut rates) {
            let Some(command) = command else { continue };
            let said = at.run(command, &[times.to_string(), cases.clone()]).await?.said;
            let judged: Judged = serde_json::from_str(said.lines().last().unwrap_or_default())
                .with_context(|| format!("{name} tells no figures"))?;
            let verdicts = ours.get_or_insert_with(|| judged.verdicts.clone());
            ensure!(*verdicts == judged.verdicts, "{name} judges otherwise: {:?}, not {verdicts:?}", judged.verdicts);
            rates.push(f64::from(judged.lap.n) / (judged.lap.cpu_ns / 1e9) / 1000.0);
        }
    }
    let mut spreads = rates.into_iter().map(|(name, rates)| (name, Spread::of(rates)));
    let Some((_, Some(ours))) = spreads.next() else { return Ok(Vec::new()) };
    let row = |(peer, theirs): (&str, Option<Spread>)| {
        let goal = if peer == NODE { 20.0 } else { 50.0 };
        Some(Row::new("judge a profile", "k/s", Better::More, ours, Some((peer, theirs?)), Some(Goal::BetterBy(goal))))
    };
    Ok(spreads.filter_map(row).collect())
}

/// A member with a profile.
struct Member {
    sub: String,
    email: String,
    id: Value,
    version: u32,
}

impl Member {
    /// A new member; our function creates the profile, and all handlers read it there.
    async fn new(at: &Measured<'_>, ours: &Handler, place: usize) -> Result<Self> {
        let member = Self {
            sub: format!("11111111-2222-4333-8444-{place:012}"),
            email: format!("member-{place}@example.com"),
            id: Value::Null,
            version: 0,
        };
        let input = json!({
            "handle": format!("camille-dupont-{place}"), "firstName": "Camille", "lastName": "Dupont", "email": member.email,
            "phone": "06 12 34 56 78", "skills": [{"name": "Photographie", "level": "EXPERT", "years": 8}],
        });
        let actor = at.stage.theatre.start(ours).await?;
        let (answer, _) = actor.invoke(&member.asks("createProfile", json!({"input": input}))).await?;
        actor.end().await?;
        let data =
            answer.get("data").filter(|data| !data.is_null()).with_context(|| format!("no profile: {answer}"))?;
        let version = data.get("version").and_then(Value::as_u64).context("a profile has a version")?;
        let id = data.get("id").cloned().context("a profile has an id")?;
        Ok(Self { id, version: u32::try_from(version)?, ..member })
    }

    /// The `n`th change: a new headline each time, and so a new version.
    fn changes(&self, n: u32) -> Value {
        let input = json!({"headline": format!("Photographe, {n} expositions"), "bio": "Portraits et reportages."});
        self.asks("updateProfile", json!({"id": self.id, "expectedVersion": self.version + n, "input": input}))
    }

    fn asks(&self, field: &str, arguments: Value) -> Value {
        json!({
            "info": {"fieldName": field}, "arguments": arguments,
            "identity": {
                "sub": self.sub, "username": self.sub, "groups": ["freelancer"],
                "claims": {
                    "sub": self.sub, "cognito:groups": ["freelancer"], "email": self.email, "email_verified": true,
                },
            },
            "request": {"headers": {"accept-language": "fr"}},
        })
    }
}

fn changed(name: &str, answer: &Value) -> Result<()> {
    ensure!(answer.get("data").is_some_and(|data| !data.is_null()), "{name} answers {answer}");
    Ok(())
}
