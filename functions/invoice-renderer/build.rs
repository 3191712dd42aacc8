//! Embeds what lies in `infra/templates`, so that a logo put there is found without naming it twice.
//!
//! Mail templates are not the renderer's.

use std::{env, fs, path::Path};

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script its folders in variables")]
fn main() -> std::io::Result<()> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../../infra/templates");
    let root = root.canonicalize()?;
    println!("cargo::rerun-if-changed={}", root.display());
    let mut names = Vec::new();
    for folder in ["", "fonts/"] {
        for entry in fs::read_dir(root.join(folder))? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.push(format!("{folder}{}", entry.file_name().to_string_lossy()));
            }
        }
    }
    names.sort();
    let rows = names.iter().map(|name| format!("    ({name:?}, include_bytes!({:?})),\n", root.join(name)));
    let table = format!("&[\n{}]\n", rows.collect::<String>());
    fs::write(Path::new(&env::var("OUT_DIR").unwrap_or_default()).join("templates.rs"), table)
}
