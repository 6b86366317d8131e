//! `plimsoll secret encrypt FILE`: seals a secret that comes on standard input, so that a key may lie on a
//! disk.

use std::fs::OpenOptions;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Subcommand;
use runtime::config::SecretSource;
use zeroize::Zeroizing;

use crate::failure::Failure;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Seal a secret that comes on standard input: a file that the configuration names as
    /// { encrypted = "FILE", passphrase = { env = "NAME" } }, and that age opens, too.
    Encrypt {
        /// The file to make; it must not be there yet.
        file: PathBuf,
        #[command(flatten)]
        passphrase: Passphrase,
    },
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Passphrase {
    /// The passphrase is in this environment variable.
    #[arg(long, value_name = "NAME")]
    passphrase_env: Option<String>,
    /// The passphrase is in this file.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl Passphrase {
    fn source(&self) -> Option<SecretSource> {
        let env = self.passphrase_env.clone().map(SecretSource::Env);
        env.or_else(|| self.passphrase_file.clone().map(SecretSource::File))
    }
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    crate::private::keep();
    let What::Encrypt { file, passphrase } = &args.what;
    let source = passphrase.source().context("no passphrase is named").map_err(Failure::usage)?;
    let passphrase = source.read_words().context("passphrase").map_err(Failure::usage)?;
    let secret = secret().map_err(Failure::usage)?;
    let mut random = Zeroizing::new([0; size_of::<sealed::Random>()]);
    getrandom::fill(random.as_mut()).map_err(|error| anyhow!("no random bytes: {error}"))?;
    let text =
        sealed::seal(secret.as_bytes(), passphrase.reveal().as_bytes(), sealed::WORK, &random)
            .map_err(Failure::usage)?;
    write(file, &text)?;
    let name = file.display();
    eprintln!("{name} is made: {{ encrypted = \"{name}\", passphrase = {{ … }} }}");
    Ok(())
}

/// What comes on standard input, without white space around it.
fn secret() -> anyhow::Result<Zeroizing<String>> {
    let mut input = std::io::stdin().lock();
    if input.is_terminal() {
        eprintln!("the secret, and then Ctrl-D on a line of its own (it is shown as you type):");
    }
    let mut secret = Zeroizing::new(String::new());
    let most = sealed::SECRET_MAX as u64 + 1;
    let read = input.by_ref().take(most).read_to_string(&mut secret);
    read.context("standard input holds no text")?;
    if secret.trim().is_empty() {
        return Err(anyhow!("standard input is empty; write the secret there: … < key.pem"));
    }
    Ok(Zeroizing::new(secret.trim().to_owned()))
}

/// A new file of its owner's alone.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    let name = path.display();
    let mut file = file.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::usage(anyhow!("{name} is there already; name another file, or move it away"))
        }
        _ => Failure::Failed(anyhow!("{name} cannot be made: {error}")),
    })?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| Failure::Failed(anyhow!("{name} cannot be written: {error}")))
}
