//! Which agent it is that is started: a hash of its code and its parameters.
//!
//! In it, for a built-in strategy: its name, the source of its file and of the files of its crate that it is made
//! with, and its parameters. For a program of one's own: the words of its command, the contents of the program's file
//! and of each file that one of its words names, the contents of what `code` lists (directories with all that is in
//! them, but for hidden files and `__pycache__`), and its parameters. Not in it: libraries that the program loads and
//! nothing names, the engine and the gateway, the machine, and what is read or fetched while it runs.
//!
//! It names a program, so that one is not taken for another by mistake. It keeps nobody out who wants to deceive.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use model::AgentVersion;
use sha2::{Digest as _, Sha256};

use crate::config::AgentProgram;

/// What is hashed in the first place: another order of things below is another number here.
const FORM: &str = "plimsoll agent 1";
/// Files of one agent, at most.
const FILES_MAX: usize = 20_000;
/// Bytes of all of them, at most.
const BYTES_MAX: u64 = 4 << 30;
/// Bytes that are read in one go.
const CHUNK_BYTES: usize = 1 << 16;

/// Why a version cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    /// A file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The program is nowhere to be found.
    #[error("there is no program {0:?} in PATH")]
    NoProgram(String),
    /// Nobody keeps so much code: a directory is named that holds more than that.
    #[error("{}: more than {FILES_MAX} files or {} GiB; name what is code in it", path.display(), BYTES_MAX >> 30)]
    TooMuch {
        /// Where.
        path: PathBuf,
    },
    /// No such strategy.
    #[error("there is no strategy {0:?}")]
    NoStrategy(String),
}

/// Reads all of it; that may take a part of a second.
pub fn version(
    program: &AgentProgram,
    params: &BTreeMap<String, String>,
    code: &[PathBuf],
) -> Result<AgentVersion, VersionError> {
    let mut hash = Hash::default();
    hash.part(FORM.as_bytes());
    match program {
        AgentProgram::Strategy(name) => {
            let known = agents::list().iter().find(|info| info.name == name);
            let known = known.ok_or_else(|| VersionError::NoStrategy(name.clone()))?;
            hash.part(b"strategy");
            hash.part(name.as_bytes());
            known.source.iter().for_each(|text| hash.part(text.as_bytes()));
        }
        AgentProgram::Command(words) => {
            hash.part(b"command");
            words.iter().for_each(|word| hash.part(word.as_bytes()));
            if let Some((first, rest)) = words.split_first() {
                hash.file(&found(first)?)?;
                // Whatever else a word is, it is in there as a word.
                for path in rest.iter().map(Path::new).filter(|path| path.is_file()) {
                    hash.file(path)?;
                }
            }
            for path in code {
                hash.part(b"code");
                hash.tree(path, path)?;
            }
        }
    }
    for (name, value) in params {
        hash.part(name.as_bytes());
        hash.part(value.as_bytes());
    }
    Ok(AgentVersion::new(hash.digest.finalize().into()))
}

/// Where the system would find it.
fn found(program: &str) -> Result<PathBuf, VersionError> {
    if program.contains('/') {
        return Ok(PathBuf::from(program));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|directory| directory.join(program));
    places.find(|path| path.is_file()).ok_or_else(|| VersionError::NoProgram(program.to_owned()))
}

#[derive(Default)]
struct Hash {
    digest: Sha256,
    files: usize,
    bytes: u64,
}

impl Hash {
    /// With its length before it, so that two parts are never read as one.
    fn part(&mut self, bytes: &[u8]) {
        self.digest.update((bytes.len() as u64).to_le_bytes());
        self.digest.update(bytes);
    }

    /// The contents: by a hash of their own, for the length is known when all is read.
    fn file(&mut self, path: &Path) -> Result<(), VersionError> {
        let unreadable = |source| VersionError::Unreadable { path: path.to_owned(), source };
        let too_much = || VersionError::TooMuch { path: path.to_owned() };
        self.files += 1;
        if self.files > FILES_MAX {
            return Err(too_much());
        }
        let mut file = std::fs::File::open(path).map_err(unreadable)?;
        let mut contents = Sha256::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let length = file.read(&mut chunk).map_err(unreadable)?;
            let Some(read) = chunk.get(..length).filter(|read| !read.is_empty()) else { break };
            self.bytes += read.len() as u64;
            if self.bytes > BYTES_MAX {
                return Err(too_much());
            }
            contents.update(read);
        }
        self.part(&contents.finalize());
        Ok(())
    }

    /// A file, or all files below a directory, in the order of their names. Directories that are linked to are
    /// not gone into, so it ends.
    fn tree(&mut self, path: &Path, above: &Path) -> Result<(), VersionError> {
        let unreadable = |source| VersionError::Unreadable { path: path.to_owned(), source };
        if !path.is_dir() {
            let name = path.strip_prefix(above).unwrap_or(path);
            self.part(name.as_os_str().as_encoded_bytes());
            return self.file(path);
        }
        let mut names = Vec::new();
        for entry in std::fs::read_dir(path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name();
            let is_link = entry.file_type().map_err(unreadable)?.is_symlink();
            let is_linked_directory = is_link && entry.path().is_dir();
            let name_bytes = name.as_encoded_bytes();
            if name_bytes.starts_with(b".") || name_bytes == b"__pycache__" || is_linked_directory {
                continue;
            }
            names.push(name);
            if names.len() > FILES_MAX {
                return Err(VersionError::TooMuch { path: path.to_owned() });
            }
        }
        names.sort_unstable();
        names.iter().try_for_each(|name| self.tree(&path.join(name), above))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_strategy_is_its_source_and_its_parameters() {
        let of = |name: &str, pairs: &[(&str, &str)]| {
            version(&AgentProgram::Strategy(name.to_owned()), &params(pairs), &[])
        };
        let one = of("ema-cross", &[("fast", "10"), ("slow", "30")]).unwrap();
        assert_eq!(one, of("ema-cross", &[("slow", "30"), ("fast", "10")]).unwrap());
        for other in [
            of("ema-cross", &[("fast", "11"), ("slow", "30")]),
            of("ema-cross", &[]),
            of("ema-cross", &[("fast", "103"), ("slow", "0")]),
            of("market-maker", &[("fast", "10"), ("slow", "30")]),
        ] {
            assert_ne!(one, other.unwrap());
        }
        assert!(of("ema-crass", &[]).unwrap_err().to_string().contains("ema-crass"));
        for info in agents::list() {
            let source = info.source.concat();
            assert!(source.contains(info.name) || info.name.starts_with("drill"), "{}", info.name);
        }
    }

    #[test]
    fn a_command_is_its_program_the_files_it_names_and_its_code() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let write = |name: &str, text: &str| std::fs::write(at(name), text).unwrap();
        std::fs::create_dir_all(at("lib/deep")).unwrap();
        std::fs::create_dir_all(at("lib/__pycache__")).unwrap();
        write("agent.sh", "echo one");
        write("lib/a.py", "a");
        write("lib/deep/b.py", "b");
        write("notes", "not code");
        let words = ["bash", at("agent.sh").to_str().unwrap(), "--fast"].map(str::to_owned);
        let program = AgentProgram::Command(words.to_vec());
        let of = || version(&program, &params(&[("x", "1")]), &[at("lib")]).unwrap();
        let first = of();
        write("notes", "changed");
        write("lib/.hidden", "x");
        write("lib/__pycache__/a.pyc", "x");
        assert_eq!(of(), first, "none of that is code");
        for (name, text, back) in [
            ("agent.sh", "echo two", "echo one"),
            ("lib/deep/b.py", "c", "b"),
            ("lib/a.py", "", "a"),
        ] {
            write(name, text);
            assert_ne!(of(), first, "{name}");
            write(name, back);
            assert_eq!(of(), first, "{name}");
        }
        std::fs::rename(at("lib/a.py"), at("lib/c.py")).unwrap();
        assert_ne!(of(), first, "another name");
        let missing = version(&program, &params(&[]), &[at("nowhere")]).unwrap_err();
        assert!(missing.to_string().contains("nowhere"), "{missing}");
        let gone = AgentProgram::Command(vec!["no-such-program-anywhere".to_owned()]);
        assert!(matches!(version(&gone, &params(&[]), &[]), Err(VersionError::NoProgram(_))));
        let with = |word: &str| {
            let words = words.iter().map(String::as_str).chain([word]).map(str::to_owned);
            version(&AgentProgram::Command(words.collect()), &params(&[]), &[]).unwrap()
        };
        assert_ne!(with("--slow"), with("--slower"));
    }
}
