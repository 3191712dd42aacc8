//! The command line of the measurements: `cargo peers`, `cargo cost`.

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "What Comptoir takes, in time, memory and money")]
struct Line {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// What a sale costs on AWS, at dated list prices
    Cost(comptoir_bench::cost::Line),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Line::parse().what {
        What::Cost(line) => comptoir_bench::cost::run(line).await,
    }
}
