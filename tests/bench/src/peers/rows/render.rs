//! The same five lines as a PDF: ours is PDF/A-3b with its electronic twin inside, theirs are plain.

use std::fs;

use anyhow::{Context, Result};

use crate::peers::{
    Measured, OURS,
    report::{Better, Goal, Row, Spread},
};

/// Script, name, the target factor when warm, and the number of iterations.
const PEERS: [(&str, &str, Option<f64>, u32); 4] = [
    ("reportlab_invoice", "ReportLab", Some(2.0), 200),
    ("weasyprint_invoice", "WeasyPrint", Some(25.0), 20),
    ("pdfkit_invoice", "pdfkit", None, 100),
    ("chromium_invoice", "Chromium", None, 10),
];

/// Warm, as CPU per page; and cold, from the start of the process to the written file.
pub async fn rows(at: &Measured<'_>) -> Result<Vec<Row>> {
    let page = at.folder.join("page.json");
    let out = at.folder.join("page.pdf");
    let (page, out) = (page.display().to_string(), out.display().to_string());
    let ours = vec![at.kit.press.display().to_string(), "press".to_owned()];
    at.run(&ours, &["page".to_owned(), page.clone()]).await.context("the page to print")?;
    let mut commands = vec![(OURS, ours, None, 400)];
    for (script, name, goal, times) in PEERS {
        let command = at.kit.python(script).or_else(|| at.kit.node(script));
        commands.extend(command.map(|command| (name, command, goal, times)));
    }
    let mut warm: Vec<Vec<f64>> = vec![Vec::new(); commands.len()];
    let (mut walls, mut cold) = (warm.clone(), warm.clone());
    let mut absent = vec![false; commands.len()];
    for _ in 0..at.rounds.min(5) {
        for (place, (name, command, _, times)) in commands.iter().enumerate() {
            if absent.get(place) == Some(&true) {
                continue;
            }
            let arguments = ["loop".to_owned(), times.to_string(), page.clone(), out.clone()];
            let once = ["once".to_owned(), page.clone(), out.clone()];
            let measured = async {
                let lap = at.lap(command, &arguments).await?;
                let taken = at.run(command, &once).await?;
                anyhow::Ok((lap, taken))
            };
            match measured.await {
                Ok((lap, taken)) => {
                    let each = f64::from(lap.n) * 1e6;
                    warm.get_mut(place).into_iter().for_each(|all| all.push(lap.cpu_ns / each));
                    walls.get_mut(place).into_iter().for_each(|all| all.push(lap.wall_ns / each));
                    cold.get_mut(place).into_iter().for_each(|all| all.push(taken.wall_ns / 1e6));
                }
                Err(why) => {
                    eprintln!("  {name} is left out: {why:#}");
                    absent.get_mut(place).into_iter().for_each(|absent| *absent = true);
                }
            }
        }
    }
    fs::remove_file(&out).ok();
    let figures = |values: Vec<Vec<f64>>| -> Vec<(String, Spread)> {
        let spreads = values.into_iter().map(Spread::of);
        commands.iter().zip(spreads).filter_map(|((name, ..), spread)| Some(((*name).to_owned(), spread?))).collect()
    };
    let warm = figures(warm);
    let mut rows = Vec::new();
    if let Some((_, ours)) = warm.first() {
        rows.push(Row::new(
            "CPU of a page of five lines, warm",
            "ms",
            Better::Less,
            *ours,
            None,
            Some(Goal::AtMost(4.0)),
        ));
    }
    let goal = |peer: &str| PEERS.iter().find(|(_, name, ..)| *name == peer)?.2.map(Goal::BetterBy);
    rows.extend(super::beside("CPU of a page of five lines, warm", "ms", &warm, goal));
    rows.extend(super::beside("a page of five lines, warm", "ms", &figures(walls), |_| None));
    let goal = |peer: &str| (peer == "ReportLab").then_some(Goal::BetterBy(10.0));
    rows.extend(super::beside("a page of five lines, from a cold process", "ms", &figures(cold), goal));
    Ok(rows)
}
