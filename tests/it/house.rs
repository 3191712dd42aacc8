//! Dependencies go one way: no crate depends on one above it, and no module depends on itself through its siblings. A
//! module and its parent may use each other.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test may fail loudly")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, ensure};
use comptoir_local::{environment, paths};
use serde_json::Value;

/// The domain crates, and which of them each may depend on.
const DOMAIN: [(&str, &[&str]); 9] = [
    ("comptoir", &[]),
    ("comptoir-edge", &["comptoir"]),
    ("comptoir-members", &["comptoir"]),
    ("comptoir-plans", &["comptoir"]),
    ("comptoir-stripe", &["comptoir", "comptoir-edge"]),
    ("comptoir-aws", &["comptoir", "comptoir-edge"]),
    ("comptoir-signin", &["comptoir", "comptoir-edge", "comptoir-aws"]),
    ("comptoir-members-aws", &["comptoir", "comptoir-edge", "comptoir-members", "comptoir-aws", "comptoir-signin"]),
    ("comptoir-plans-adapters", &["comptoir", "comptoir-edge", "comptoir-plans", "comptoir-stripe", "comptoir-aws"]),
];

/// Crates of rules: they do no I/O, so they may not use networking crates.
const RULES: [&str; 3] = ["comptoir", "comptoir-members", "comptoir-plans"];

/// Name prefixes of networking crates.
const CONNECT: [&str; 5] = ["aws-", "hyper", "lambda_runtime", "reqwest", "async-stripe"];

/// What every member may have for its tests: test features of external crates, and no code.
const FEATURES: &str = "workspace-hack";

fn members() -> Result<Vec<Value>> {
    let output = Command::new(environment::cargo())
        .args(["metadata", "--no-deps", "--locked", "--format-version", "1"])
        .current_dir(paths::repository())
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    Ok(metadata["packages"].as_array().context("packages")?.clone())
}

fn folder(package: &Value) -> &str {
    let manifest = package["manifest_path"].as_str().unwrap();
    manifest.strip_suffix("/Cargo.toml").unwrap().strip_prefix(paths::repository().to_str().unwrap()).unwrap()
}

/// The members that a member depends on, without dev-dependencies.
fn depends_on<'a>(package: &'a Value, members: &BTreeSet<&str>) -> BTreeSet<&'a str> {
    let all = package["dependencies"].as_array().unwrap().iter();
    let shipped = all.filter(|dependency| dependency["kind"] != "dev");
    let names = shipped.map(|dependency| dependency["name"].as_str().unwrap());
    names.filter(|name| members.contains(name) && *name != FEATURES).collect()
}

#[test]
fn no_crate_depends_on_one_above_it() -> Result<()> {
    let packages = members()?;
    let names: BTreeSet<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    let mut seen = 0;
    for package in &packages {
        let (name, folder) = (package["name"].as_str().unwrap(), folder(package));
        let below = depends_on(package, &names);
        let allowed: BTreeSet<&str> = match (folder.split('/').nth(1).unwrap(), name) {
            ("shared", _) => {
                let known = DOMAIN.iter().find(|(known, _)| *known == name);
                known.with_context(|| format!("{name} has no place in DOMAIN"))?.1.iter().copied().collect()
            }
            ("functions", _) => DOMAIN.iter().map(|(known, _)| *known).collect(),
            ("infra", "comptoir-doctor") => BTreeSet::from(["comptoir", "comptoir-edge"]),
            ("infra", _) => BTreeSet::from(["comptoir", "comptoir-plans"]),
            ("tests", _) => continue,
            (other, _) => anyhow::bail!("{other} is no folder of crates"),
        };
        if RULES.contains(&name) {
            let all = package["dependencies"].as_array().unwrap().iter();
            let mut names = all.map(|dependency| dependency["name"].as_str().unwrap());
            let connects = names.find(|name| CONNECT.iter().any(|begin| name.starts_with(begin)));
            ensure!(connects.is_none(), "{name} is of rules, and depends on {connects:?}");
        }
        ensure!(below.is_subset(&allowed), "{name} depends on {below:?}, and may on {allowed:?}");
        seen += 1;
    }
    ensure!(seen >= 15, "{seen} crates were looked at");
    Ok(())
}

/// Module dependencies, for each module with several children: its path, and for each child the siblings it uses.
type Uses = BTreeMap<Vec<String>, BTreeMap<String, BTreeSet<String>>>;

fn sources(folder: &Path, below: &mut Vec<String>, found: &mut Vec<(Vec<String>, String)>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            below.push(stem);
            sources(&path, below, found)?;
            below.pop();
        } else if path.extension().is_some_and(|end| end == "rs") && stem != "main" {
            let mut module = below.clone();
            if stem != "mod" && stem != "lib" {
                module.push(stem);
            }
            found.push((module, fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

/// The paths in a source that begin in its own crate, from the crate root.
fn paths_of(module: &[String], source: &str) -> Vec<Vec<String>> {
    // Unit tests may use anything, and are at the end.
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let code: String = source.lines().filter_map(|line| line.split("//").next()).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let mut base: Vec<String> = match start {
                "crate::" => Vec::new(),
                _ => module[..module.len().saturating_sub(1)].to_vec(),
            };
            let mut rest = &code[at + start.len()..];
            while let Some(further) = rest.strip_prefix("super::") {
                base.pop();
                rest = further;
            }
            found.extend(tree(&base, rest).0);
        }
    }
    found
}

/// The paths of a use tree, or of one path, and the remaining input.
fn tree<'a>(base: &[String], text: &'a str) -> (Vec<Vec<String>>, &'a str) {
    let mut rest = text.trim_start();
    if let Some(inner) = rest.strip_prefix('{') {
        let mut all = Vec::new();
        rest = inner.trim_start();
        while !rest.is_empty() && !rest.starts_with('}') {
            let (paths, further) = tree(base, rest);
            all.extend(paths);
            // Past a name given with `as`, to the next of the list.
            let end = further.find([',', '}']).unwrap_or(further.len());
            rest = further[end..].trim_start_matches(',').trim_start();
        }
        return (all, rest.strip_prefix('}').unwrap_or(rest));
    }
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let (name, further) = rest.split_at(end);
    let mut path = base.to_vec();
    if !name.is_empty() && name != "self" {
        path.push(name.to_owned());
    }
    match further.strip_prefix("::") {
        Some(inner) if !name.is_empty() => tree(&path, inner),
        _ => (vec![path], further),
    }
}

/// What a module re-exports from its children: the exported path, and the original.
fn exports(module: &[String], source: &str) -> Vec<(Vec<String>, Vec<String>)> {
    let mut found = Vec::new();
    for (at, begin) in source.match_indices("\npub use ") {
        let (paths, _) = tree(module, source[at + begin.len()..].trim_start_matches("self::"));
        let inner = paths.into_iter().filter(|path| path.len() > module.len() + 1);
        found.extend(inner.map(|path| ([module, &path[path.len() - 1..]].concat(), path)));
    }
    found
}

fn uses(folder: &Path) -> Result<Uses> {
    let mut found = Vec::new();
    sources(folder, &mut Vec::new(), &mut found)?;
    let known: BTreeSet<&[String]> = found.iter().map(|(module, _)| module.as_slice()).collect();
    let exported: BTreeMap<Vec<String>, Vec<String>> =
        found.iter().flat_map(|(module, source)| exports(module, source)).collect();
    let mut uses = Uses::new();
    for (module, source) in &found {
        if module.iter().any(|part| part == "tests") {
            continue;
        }
        for path in paths_of(module, source) {
            let longest_of =
                |path: &[String]| (0..=path.len()).rev().find(|end| known.contains(&path[..*end])).unwrap_or(0);
            let mut path = path;
            let mut longest = longest_of(&path);
            // A re-export from a child counts as the child's.
            while let Some(target) = path.get(..=longest).and_then(|named| exported.get(named)) {
                let further = longest_of(target);
                if further <= longest {
                    break;
                }
                (path, longest) = (target.clone(), further);
            }
            let (path, both) = (&path[..longest], module.len().min(longest));
            let shared = (0..both).take_while(|at| path[*at] == module[*at]).count();
            if shared < both {
                let from = uses.entry(module[..shared].to_vec()).or_default().entry(module[shared].clone());
                from.or_default().insert(path[shared].clone());
            }
        }
    }
    Ok(uses)
}

/// A dependency cycle through a module.
fn circle(uses: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<&str>> {
    fn way<'a>(
        uses: &'a BTreeMap<String, BTreeSet<String>>,
        from: &'a str,
        to: &str,
        seen: &mut BTreeSet<&'a str>,
    ) -> Option<Vec<&'a str>> {
        for next in uses.get(from)? {
            if next == to {
                return Some(vec![from]);
            }
            if seen.insert(next)
                && let Some(mut further) = way(uses, next, to, seen)
            {
                further.push(from);
                return Some(further);
            }
        }
        None
    }
    uses.keys().find_map(|module| way(uses, module, module, &mut BTreeSet::new()))
}

#[test]
fn no_module_leads_back_to_itself() -> Result<()> {
    let mut circles = Vec::new();
    let mut seen = 0;
    for package in members()? {
        let folder = folder(&package);
        // Tests and test tools are exempt.
        if folder.starts_with("/tests") {
            continue;
        }
        for (above, uses) in uses(&paths::repository().join(&folder[1..]).join("src"))? {
            seen += uses.len();
            circles.extend(circle(&uses).map(|way| format!("{folder} {}: {}", above.join("::"), way.join(" <- "))));
        }
    }
    ensure!(circles.is_empty(), "{circles:#?}");
    ensure!(seen > 150, "{seen} modules were looked at");
    Ok(())
}

#[test]
fn a_circle_is_seen() {
    let module = |name: &str| vec![name.to_owned()];
    let source = "use crate::{\n    b::{self, C},\n    d,\n};\nuse super::e::{F, g::H};\n// use crate::no;\nfn f() -> crate::i::J {}\n";
    let named: Vec<String> = paths_of(&module("a"), source).iter().map(|path| path.join("::")).collect();
    assert_eq!(named, ["b", "b::C", "d", "i::J", "e::F", "e::g::H"]);
    let passed_on = exports(&module("m"), "\npub use books::{Row, Store};\npub use other::x;\n");
    let named: Vec<String> =
        passed_on.iter().map(|(named, path)| [named.join("::"), path.join("::")].join(" ")).collect();
    assert_eq!(named, ["m::Row m::books::Row", "m::Store m::books::Store", "m::x m::other::x"]);
    let of = |pairs: &[(&str, &str)]| {
        let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in pairs {
            uses.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        circle(&uses).map(|way| way.join(" "))
    };
    assert_eq!(of(&[("a", "b"), ("b", "c"), ("c", "a")]), Some("c b a".to_owned()));
    assert_eq!(of(&[("a", "b"), ("a", "c"), ("b", "c")]), None);
}
