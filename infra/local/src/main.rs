//! The command line: see [`comptoir_local::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    comptoir_local::cli::main()
}
