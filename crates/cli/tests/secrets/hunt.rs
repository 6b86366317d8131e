//! A hunt for canaries: secrets that were made up for a test and must stand in nothing that was written.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// A secret, and what it is called.
pub(crate) struct Canary {
    pub(crate) name: &'static str,
    pub(crate) text: String,
}

impl Canary {
    /// The secret as it is, in hex and in base64 however it lies in what was encoded.
    pub(crate) fn forms(&self) -> Vec<(String, String)> {
        let mut forms = Vec::new();
        // A key in PEM: each of its lines is one, and a line may be anywhere.
        for line in self.text.lines().filter(|line| !line.starts_with("-----")) {
            let bytes = line.as_bytes();
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            forms.push(("plain".to_owned(), line.to_owned()));
            forms.push(("backwards".to_owned(), line.chars().rev().collect()));
            forms.push(("upper hex".to_owned(), hex.to_uppercase()));
            forms.push(("hex".to_owned(), hex));
            for shift in 0..3 {
                let shifted = [&vec![0; shift], bytes].concat();
                for engine in [STANDARD, URL_SAFE] {
                    // Without the signs that what stands around it has a part in.
                    let text = engine.encode(&shifted);
                    let text = &text[(shift * 8).div_ceil(6)..text.len() - 4];
                    forms.push((format!("base64, shifted by {shift}"), text.to_owned()));
                }
            }
        }
        forms
    }
}

/// Every canary that stands in a file below `place`, with the form and the file. Sockets and pipes hold
/// nothing.
pub(crate) fn hunt(place: &Path, canaries: &[Canary]) -> Vec<String> {
    let forms: Vec<(&str, String, String)> = canaries
        .iter()
        .flat_map(|canary| canary.forms().into_iter().map(|(form, text)| (canary.name, form, text)))
        .collect();
    let mut hits = Vec::new();
    for file in files(place) {
        let text = std::fs::read(&file).unwrap();
        let text = String::from_utf8_lossy(&text);
        for (name, form, needle) in &forms {
            if text.contains(needle.as_str()) {
                hits.push(format!("{name} as {form} in {}", file.display()));
            }
        }
    }
    hits
}

/// Every file below `place`, but the program itself.
pub(crate) fn files(place: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(place).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files.extend(self::files(&entry.path()));
        } else if kind.is_file() && entry.file_name() != "plimsoll" {
            files.push(entry.path());
        }
    }
    files
}
