//! The command line of the measurements: `cargo peers`, `cargo cost`.
#![expect(clippy::print_stdout, reason = "a command's answer")]

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};
use comptoir_bench::{cost, loops, peers};

#[derive(Parser)]
#[command(about = "What Comptoir takes, in time, memory and money")]
struct Line {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// What a sale costs on AWS, at dated list prices.
    Cost(cost::Line),
    /// The functions side by side with what people would write instead.
    Peers {
        /// How often each is measured.
        #[arg(long, default_value_t = 15)]
        rounds: usize,
        /// Only these: sale, start, cold, verify, render, numbering, profile, memory, size.
        only: Vec<String>,
    },
    /// What is done over and over in one process, for `peers` to measure.
    #[command(subcommand, hide = true)]
    Loop(Loop),
}

#[derive(Subcommand)]
enum Loop {
    /// Verifies and reads an event.
    Verify { n: u32, payload: PathBuf, secret: String, timestamp: i64 },
    /// Judges profiles.
    Validate { n: u32, cases: PathBuf },
}

#[tokio::main]
async fn main() -> Result<()> {
    match Line::parse().what {
        What::Cost(line) => cost::run(line).await,
        What::Peers { rounds, only } => peers::run(rounds, &only).await,
        What::Loop(Loop::Verify { n, payload, secret, timestamp }) => {
            println!("{}", serde_json::to_string(&loops::verify(n, &payload, &secret, timestamp)?)?);
            Ok(())
        }
        What::Loop(Loop::Validate { n, cases }) => {
            println!("{}", serde_json::to_string(&loops::validate(n, &cases)?)?);
            Ok(())
        }
    }
}
