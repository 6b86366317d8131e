//! The bytes of a file: plain, gzip or zip, told apart by their first bytes and not by the name.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::Crc;
use flate2::read::{DeflateDecoder, MultiGzDecoder};

use crate::error::{DataError, LayoutProblem};
use crate::record::MAGIC;

/// Read from the disk at a time.
const CHUNK: usize = 256 * 1024;

/// What a file is by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    Gzip,
    Zip,
    Parquet,
    /// A recording of ours that is not finished.
    Draft,
}

/// A stream of a file's content.
pub(crate) struct Input {
    pub(crate) bytes: Box<dyn Read + Send>,
    pub(crate) form: Form,
    /// Bytes taken from the disk.
    pub(crate) taken: Arc<AtomicU64>,
    /// The name of the file, or of the one inside the zip.
    pub(crate) name: String,
}

/// First bytes, what they mean, what helps.
const FOREIGN: &[(&[u8], &str, &str)] = &[
    (b"ARROW1", "an Arrow or Feather file", "write it as Parquet or CSV"),
    (b"\x28\xb5\x2f\xfd", "zstd", "unpack it with `zstd -d`"),
    (b"\xfd7zXZ\x00", "xz", "unpack it with `unxz`"),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it"),
    (b"BZh", "bzip2", "unpack it with `bunzip2`"),
    (b"\xff\xfe", "UTF-16 text", "write it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text", "write it as UTF-8"),
    (b"{", "JSON", "write it as CSV with a header"),
    (b"[", "JSON", "write it as CSV with a header"),
];

/// Looks at the first bytes.
pub(crate) fn form(path: &Path) -> Result<Form, DataError> {
    let io = |error| DataError::Io { file: path.to_owned(), error };
    let metadata = std::fs::metadata(path).map_err(io)?;
    if !metadata.is_file() {
        // A file is opened more than once: to see what it is, and to read it.
        let why = LayoutProblem::Bytes {
            what: "a folder or a pipe",
            hint: "name a file, or write it to one first",
        };
        return Err(DataError::Layout { file: path.to_owned(), why });
    }
    let mut start = Vec::new();
    File::open(path).map_err(io)?.take(20).read_to_end(&mut start).map_err(io)?;
    if let Some((_, what, hint)) = FOREIGN.iter().find(|(magic, _, _)| start.starts_with(magic)) {
        let why = LayoutProblem::Bytes { what, hint };
        return Err(DataError::Layout { file: path.to_owned(), why });
    }
    Ok(match start.as_slice() {
        [] => return Err(DataError::Empty { file: path.to_owned() }),
        [0x1f, 0x8b, ..] => Form::Gzip,
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Form::Zip,
        [b'P', b'A', b'R', b'1', ..] => Form::Parquet,
        start if start.starts_with(MAGIC) => Form::Draft,
        _ => Form::Plain,
    })
}

/// Opens a text, whatever it is packed in.
pub(crate) fn open(path: &Path) -> Result<Input, DataError> {
    let io = |error| DataError::Io { file: path.to_owned(), error };
    let form = form(path)?;
    let taken = Arc::new(AtomicU64::new(0));
    let mut file = File::open(path).map_err(io)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let counted = |file| Counted { file, taken: Arc::clone(&taken) };
    let (bytes, name): (Box<dyn Read + Send>, String) = match form {
        Form::Plain | Form::Parquet | Form::Draft => (Box::new(counted(file)), name),
        Form::Gzip => {
            let packed = BufReader::with_capacity(CHUNK, counted(file));
            (Box::new(MultiGzDecoder::new(packed)), name)
        }
        Form::Zip => {
            let entry = only_entry(path)?;
            file.seek(SeekFrom::Start(entry.start)).map_err(io)?;
            let packed = BufReader::with_capacity(CHUNK, counted(file)).take(entry.packed);
            let bytes: Box<dyn Read + Send> = if entry.deflated {
                Box::new(DeflateDecoder::new(packed))
            } else {
                Box::new(packed)
            };
            let checked =
                Checked { bytes, crc: Crc::new(), want: entry.crc, size: entry.size, read: 0 };
            (Box::new(checked), entry.name)
        }
    };
    Ok(Input { bytes, form, taken, name })
}

struct Entry {
    name: String,
    start: u64,
    packed: u64,
    size: u64,
    crc: u32,
    deflated: bool,
}

/// The file of data in a zip. It is read through a handle of its own, because the archive lends its
/// entries and a stream has to own what it reads.
fn only_entry(path: &Path) -> Result<Entry, DataError> {
    let damaged = |error: zip::result::ZipError| match error {
        zip::result::ZipError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            DataError::Io { file: path.to_owned(), error }
        }
        // The directory of a zip is its end.
        _ => DataError::Truncated { file: path.to_owned(), form: "zip", lines: 0 },
    };
    let file = File::open(path).map_err(|error| DataError::Io { file: path.to_owned(), error })?;
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(damaged)?;
    let is_data = |name: &str| !name.ends_with('/') && !name.starts_with("__MACOSX/");
    let names: Vec<usize> =
        (0..archive.len()).filter(|at| archive.name_for_index(*at).is_some_and(is_data)).collect();
    let [only] = names.as_slice() else {
        let why = LayoutProblem::Zip { files: names.len() };
        return Err(DataError::Layout { file: path.to_owned(), why });
    };
    let entry = archive.by_index(*only).map_err(damaged)?;
    let deflated = match entry.compression() {
        zip::CompressionMethod::Stored => false,
        zip::CompressionMethod::Deflated => true,
        _ => {
            let why = LayoutProblem::Bytes {
                what: "a zip that is not packed by `deflate`",
                hint: "unpack it",
            };
            return Err(DataError::Layout { file: path.to_owned(), why });
        }
    };
    let start = entry.data_start();
    Ok(Entry {
        name: entry.name().to_owned(),
        start,
        packed: entry.compressed_size(),
        size: entry.size(),
        crc: entry.crc32(),
        deflated,
    })
}

/// Counts what is taken from the disk.
struct Counted {
    file: File,
    taken: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.taken.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Checks size and checksum of a zip's entry at its end.
struct Checked {
    bytes: Box<dyn Read + Send>,
    crc: Crc,
    want: u32,
    size: u64,
    read: u64,
}

impl Read for Checked {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(into)?;
        self.crc.update(&into[..read]);
        self.read += read as u64;
        if read == 0 && !into.is_empty() {
            if self.read < self.size {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if self.crc.sum() != self.want {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "its checksum is wrong"));
            }
        }
        Ok(read)
    }
}
