//! Embeds the files of `infra/templates`, so that a logo put there is found without naming it twice.
//!
//! Excludes mail templates. The fonts in `fonts/scripts` go into a table of their own: they are read when a document
//! needs one.

use std::{env, fs, path::Path};

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script its folders in variables")]
fn main() -> std::io::Result<()> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../../infra/templates");
    let root = root.canonicalize()?;
    println!("cargo::rerun-if-changed={}", root.display());
    let templates = [files(&root, "")?, files(&root, "fonts/")?].concat();
    let scripts = files(&root, "fonts/scripts/")?.into_iter().filter(|name| name.ends_with("tf")).collect();
    let out = env::var("OUT_DIR").unwrap_or_default();
    for (table, names) in [("templates.rs", templates), ("scripts.rs", scripts)] {
        let rows = names.iter().map(|name| format!("    ({name:?}, include_bytes!({:?})),\n", root.join(name)));
        fs::write(Path::new(&out).join(table), format!("&[\n{}]\n", rows.collect::<String>()))?;
    }
    Ok(())
}

/// The files of a folder, in a fixed order.
fn files(root: &Path, folder: &str) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            names.push(format!("{folder}{}", entry.file_name().to_string_lossy()));
        }
    }
    names.sort();
    Ok(names)
}
