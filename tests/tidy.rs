//! What ARCHITECTURE.md and CONTRIBUTING.md say of the sources, read out of the sources.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests may fail loudly, and so may what they are made of"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Exceptions: a kind, what it is about, and why it is allowed. One that is not needed any more fails its test.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    (
        "layer",
        "actors/src: clients uses context",
        "a question to a client gives up the turn of the call that asks",
    ),
    ("layer", "src: connections uses transports", "a negotiated connection keeps the door of its transport"),
    ("layer", "src: server uses routes", "`SignalR::routes` configures the endpoints that the server holds"),
    ("layer", "src: server uses builder", "`SignalR::builder` is where people look for it"),
    ("name", "src/hub_http_server/shared_app.rs: Service", "a trait of actix-service names its type so"),
];

/// Where Rust is written.
const FOLDERS: [&str; 7] =
    ["src", "actors/src", "macros/src", "examples", "benches", "kerberos/src", "kerberos/examples"];

const LONGEST_FILE: usize = 500;

/// Words that say nothing of what a thing is for.
const EMPTY_WORDS: [&str; 6] = ["manager", "service", "helper", "util", "common", "misc"];

#[test]
fn every_module_uses_only_modules_of_lower_layers() {
    let mut wrong = Vec::new();
    for root in ["src", "actors/src"] {
        let layers = layers_of(root);
        let tree = Tree::read(root);
        let listed: BTreeSet<String> = layers.keys().cloned().collect();
        assert_eq!(listed, tree.modules, "ARCHITECTURE.md lists the modules of {root}, and only those");
        for (module, used) in tree.uses() {
            for lower in used {
                if layers[&lower] >= layers[&module] {
                    wrong.push(format!("{root}: {module} uses {lower}"));
                }
            }
        }
    }
    check("layer", wrong);
}

#[test]
fn no_file_is_longer_than_one_can_read() {
    let mut wrong = Vec::new();
    for file in rust_files() {
        let lines = without_tests(&file.text).lines().count();
        if lines > LONGEST_FILE && !is_tests(&file.path) {
            wrong.push(file.path);
        }
    }
    check("length", wrong);
}

#[test]
fn names_say_what_a_thing_is_for() {
    let mut wrong = Vec::new();
    for file in rust_files() {
        let stem = Path::new(&file.path).file_stem().unwrap().to_str().unwrap();
        if is_empty_name(stem) {
            wrong.push(file.path.clone());
        }
        for name in type_names(&without_comments(&file.text)) {
            if is_empty_name(&name) && name != "GroupManager" {
                wrong.push(format!("{}: {name}", file.path));
            }
        }
    }
    check("name", wrong);
}

#[test]
fn every_file_begins_with_a_sentence_about_itself() {
    let wrong = rust_files().filter(|file| !file.text.starts_with("//! ")).map(|file| file.path).collect();
    check("sentence", wrong);
}

#[test]
fn the_readers_of_this_test_read_what_is_there() {
    let source =
        "use crate::{A, b::{C, D as E}};\npub(crate) use crate::f::G; // crate::h\nlet i = crate::j::k();";
    assert_eq!(paths_in(&without_comments(source)), ["A", "b::C", "b::D", "f::G", "j::k"]);
    assert_eq!(type_names("pub struct A<T>(T);\nenum B {}\ntype C = A<B>;"), ["A", "B", "C"]);
    for (name, is_empty) in [
        ("StringUtils", true),
        ("misc", true),
        ("my_helper", true),
        ("Commonality", false),
        ("utility", false),
    ] {
        assert_eq!(is_empty_name(name), is_empty, "{name}");
    }
    assert_eq!(without_tests("a\n#[cfg(test)]\nmod tests {\n}\n"), "a\n");
}

/// The crate's own sources, by module.
struct Tree {
    modules: BTreeSet<String>,
    /// Which module a name at the root of the crate comes from.
    exports: BTreeMap<String, String>,
    sources: Vec<(String, String)>,
}

impl Tree {
    fn read(root: &str) -> Self {
        let lib = without_comments(&fs::read_to_string(at(root).join("lib.rs")).unwrap());
        let declared = |line: &str| {
            let line = line.strip_prefix("pub ").unwrap_or(line);
            line.strip_prefix("mod ")?.strip_suffix(';').map(str::to_owned)
        };
        let modules: BTreeSet<String> = lib.lines().filter_map(declared).collect();
        let mut exports = BTreeMap::new();
        for path in paths_in(&lib) {
            if let Some((module, rest)) = path.split_once("::") {
                exports.insert(rest.rsplit("::").next().unwrap().to_owned(), module.to_owned());
            }
        }
        let module_of = |file: &File| {
            let inside = file.path.strip_prefix(root)?.trim_start_matches('/');
            Some(inside.split('/').next()?.trim_end_matches(".rs").to_owned())
        };
        let sources = rust_files_in(root)
            .filter_map(|file| Some((module_of(&file)?, without_comments(&file.text))))
            .filter(|(module, _)| module != "lib")
            .collect();
        Self { modules, exports, sources }
    }

    /// The modules each module uses.
    fn uses(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut uses: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (module, source) in &self.sources {
            for path in paths_in(source) {
                let first = path.split("::").next().unwrap();
                let exported = || self.exports.get(first).map(String::as_str);
                let used = self.modules.get(first).map(String::as_str).or_else(exported);
                let used =
                    used.unwrap_or_else(|| panic!("lib.rs says where `crate::{first}` of {module} is"));
                if used != module {
                    uses.entry(module.clone()).or_default().insert(used.to_owned());
                }
            }
        }
        uses
    }
}

struct File {
    /// From the root of the project, with slashes.
    path: String,
    text: String,
}

/// The place of each module in the list of ARCHITECTURE.md: the block behind `<!-- layers: ROOT -->`.
fn layers_of(root: &str) -> BTreeMap<String, usize> {
    let text = fs::read_to_string(at("ARCHITECTURE.md")).unwrap();
    let (_, list) =
        text.split_once(&format!("<!-- layers: {root} -->")).expect("ARCHITECTURE.md has the list");
    let list = list.split("```").nth(1).unwrap();
    let mut layers = BTreeMap::new();
    for (place, line) in list.lines().skip(1).enumerate() {
        let names = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
        let names = names.split("  ").next().unwrap();
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            assert_eq!(layers.insert(name.to_owned(), place), None, "{name} is listed once");
        }
    }
    layers
}

/// All paths that begin with `crate::`, without it, each name of a list for itself.
fn paths_in(source: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (at, _) in source.match_indices("crate::") {
        let is_whole_word = !source[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$');
        if is_whole_word {
            read_path(&source[at + "crate::".len()..], "", &mut paths);
        }
    }
    paths
}

/// Reads a path or a list of paths behind `before`; gives what stands after it.
fn read_path<'a>(text: &'a str, before: &str, paths: &mut Vec<String>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut list) = text.strip_prefix('{') {
        while !list.trim_start().starts_with('}') {
            list = read_path(list, before, paths).trim_start();
            // A new name is left out: what counts is the old one.
            if let Some(renamed) = list.strip_prefix("as ") {
                list = renamed.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').trim_start();
            }
            list = list.strip_prefix(',').unwrap_or(list);
        }
        return &list.trim_start()[1..];
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    assert!(end > 0, "a path goes on with a name or a list: {:?}", text.lines().next());
    let path = if before.is_empty() { text[..end].to_owned() } else { format!("{before}::{}", &text[..end]) };
    match text[end..].strip_prefix("::") {
        Some(rest) if rest.starts_with(|c: char| c.is_alphabetic() || c == '{' || c == '_') => {
            read_path(rest, &path, paths)
        }
        _ => {
            paths.push(path);
            &text[end..]
        }
    }
}

/// The names of all types a source defines.
fn type_names(source: &str) -> Vec<String> {
    let words: Vec<_> = source.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
    let defines = |word: &str| ["struct", "enum", "union", "trait", "type"].contains(&word);
    words
        .windows(2)
        .filter(|pair| defines(pair[0]) && !pair[1].is_empty())
        .map(|pair| pair[1].to_owned())
        .collect()
}

/// Whether a word of the name, in either way of writing names, is an empty one.
fn is_empty_name(name: &str) -> bool {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c == '-' || c.is_uppercase() {
            words.push(String::new());
        }
        words.last_mut().unwrap().extend(c.to_lowercase());
    }
    let is_empty = |word: &str| EMPTY_WORDS.iter().any(|empty| word == *empty || word == format!("{empty}s"));
    words.iter().any(|word| is_empty(word.trim_matches(['_', '-'])))
}

/// Without comments that fill a line or end one.
fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code).to_owned() + "\n").collect()
}

/// Up to the module with the tests, which stands last.
fn without_tests(text: &str) -> &str {
    text.split_once("#[cfg(test)]\nmod tests {").map_or(text, |(code, _)| code)
}

/// Whether a file is nothing but tests: named so, or only there for them.
fn is_tests(path: &str) -> bool {
    let path = Path::new(path);
    let stem = path.file_stem().unwrap().to_str().unwrap();
    let parent = fs::read_to_string(at(path.with_file_name("mod.rs").to_str().unwrap())).unwrap_or_default();
    stem == "tests" || parent.contains(&format!("#[cfg(test)]\nmod {stem};"))
}

fn rust_files() -> impl Iterator<Item = File> {
    FOLDERS.into_iter().flat_map(rust_files_in)
}

fn rust_files_in(folder: &str) -> impl Iterator<Item = File> + use<> {
    let (mut folders, mut files) = (vec![at(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort_unstable();
    files.into_iter().map(|path| File {
        text: fs::read_to_string(&path).unwrap(),
        path: path.strip_prefix(at("")).unwrap().to_str().unwrap().replace('\\', "/"),
    })
}

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Fails when something is wrong that is no exception, or an exception has nothing wrong.
fn check(kind: &str, found: Vec<String>) {
    let found: BTreeSet<_> = found.into_iter().collect();
    let expected =
        EXCEPTIONS.iter().filter(|(of, ..)| *of == kind).map(|(_, about, _)| (*about).to_owned()).collect();
    assert_eq!(found, expected, "what is wrong on the left, the exceptions on the right");
}
