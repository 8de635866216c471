//! A display and a bus for one start: Xvfb, whose framebuffer is a file that anybody may read while it runs, and a D-Bus session.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use timonel_ports::clock::{SharedClock, sleep};

/// As large as the window itself, so that nothing else is on it.
const SIZE: &str = "1280x800x24";
/// The text that comes first stands in this many rows from the top.
const ROWS: usize = 200;
/// So long the server may take to make its framebuffer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A colour as the page's style sheet has it: red, green, blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour(pub(super) u8, pub(super) u8, pub(super) u8);

/// A display of its own. Dropping it ends it.
pub(super) struct Screen {
    server: Child,
    display: String,
    frame: Frame,
    _folder: TempDir,
}

impl Screen {
    pub(super) async fn open(clock: &SharedClock) -> Result<Self, String> {
        let folder = TempDir::with_prefix("timonel-screen-").map_err(|e| format!("a folder: {e}"))?;
        let mut server = Command::new("Xvfb");
        server
            // Otherwise it begins anew, with another file, whenever the last of its clients goes.
            .args([
                "-displayfd",
                "1",
                "-screen",
                "0",
                SIZE,
                "-nolisten",
                "tcp",
                "-noreset",
                "-fbdir",
            ])
            .arg(folder.path());
        let mut server = begin(server, "xvfb")?;
        let display = match first_line(&mut server) {
            Ok(number) => format!(":{number}"),
            Err(problem) => {
                end(&mut server);
                return Err(format!("Xvfb: {problem}"));
            }
        };
        let file = folder.path().join("Xvfb_screen0");
        let begun = clock.mono();
        let frame = loop {
            match Frame::open(&file) {
                Ok(frame) => break frame,
                Err(problem) if clock.mono().saturating_since(begun) > PATIENCE => {
                    end(&mut server);
                    return Err(problem);
                }
                Err(_) => sleep(&**clock, Duration::from_millis(5)).await,
            }
        };
        Ok(Self {
            server,
            display,
            frame,
            _folder: folder,
        })
    }

    /// The value of DISPLAY.
    pub(super) fn display(&self) -> &str {
        &self.display
    }

    /// What is on it now.
    pub(super) fn look(&self) -> Result<Look, String> {
        self.frame.look()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        end(&mut self.server);
    }
}

/// The upper rows of a screen at one moment.
pub(super) struct Look(Vec<u8>);

impl Look {
    /// Whether a pixel has exactly this colour.
    pub(super) fn has(&self, Colour(red, green, blue): Colour) -> bool {
        self.0.chunks_exact(4).any(|pixel| pixel[..3] == [blue, green, red])
    }
}

/// The server's framebuffer: a file in the format of `xwd`, whose header says where the pixels begin.
struct Frame {
    file: File,
    begin: u64,
    row: usize,
}

impl Frame {
    /// Fields of the header that are used, by their place in it, each of four bytes, the highest first.
    const HEADER_SIZE: u64 = 0;
    const BYTE_ORDER: u64 = 28;
    const BITS_PER_PIXEL: u64 = 44;
    const BYTES_PER_LINE: u64 = 48;
    const COLOURS: u64 = 76;
    /// An entry of the colour map that stands between header and pixels.
    const COLOUR_SIZE: u64 = 12;

    fn open(path: &Path) -> Result<Self, String> {
        let failed = |e: std::io::Error| format!("{}: {e}", path.display());
        let file = File::open(path).map_err(failed)?;
        let field = |at: u64| -> Result<u64, String> {
            let mut bytes = [0; 4];
            file.read_exact_at(&mut bytes, at).map_err(failed)?;
            Ok(u64::from(u32::from_be_bytes(bytes)))
        };
        let (bits, order, row) = (
            field(Self::BITS_PER_PIXEL)?,
            field(Self::BYTE_ORDER)?,
            field(Self::BYTES_PER_LINE)?,
        );
        if (bits, order) != (32, 0) || row == 0 {
            return Err(format!(
                "the server's framebuffer has {bits} bits a pixel in order {order}, which is not read here"
            ));
        }
        let begin = field(Self::HEADER_SIZE)? + field(Self::COLOURS)? * Self::COLOUR_SIZE;
        let row = usize::try_from(row).map_err(|e| e.to_string())?;
        Ok(Self { file, begin, row })
    }

    fn look(&self) -> Result<Look, String> {
        let mut pixels = vec![0; self.row * ROWS];
        self.file
            .read_exact_at(&mut pixels, self.begin)
            .map_err(|e| format!("the server's framebuffer: {e}"))?;
        Ok(Look(pixels))
    }
}

/// A D-Bus session with nobody on it. Dropping it ends it.
pub(super) struct Bus {
    daemon: Child,
    socket: PathBuf,
}

impl Bus {
    pub(super) fn open(home: &Path) -> Result<Self, String> {
        let (config, socket) = (home.join("bus.conf"), home.join("bus"));
        let text = format!(
            "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" \
             \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n\
             <busconfig><type>session</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>\
             <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/>\
             <allow own=\"*\"/></policy></busconfig>\n",
            socket.display()
        );
        std::fs::write(&config, text).map_err(|e| format!("{}: {e}", config.display()))?;
        let mut daemon = Command::new("dbus-daemon");
        daemon
            .args(["--nofork", "--nopidfile", "--print-address"])
            .arg(format!("--config-file={}", config.display()));
        let mut daemon = begin(daemon, "dbus")?;
        // It listens when it says where.
        if let Err(problem) = first_line(&mut daemon) {
            end(&mut daemon);
            return Err(format!("dbus-daemon: {problem}"));
        }
        Ok(Self { daemon, socket })
    }

    /// The value of DBUS_SESSION_BUS_ADDRESS.
    pub(super) fn address(&self) -> String {
        format!("unix:path={}", self.socket.display())
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        end(&mut self.daemon);
    }
}

fn begin(mut program: Command, package: &str) -> Result<Child, String> {
    let quiet = program
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    quiet.spawn().map_err(|e| {
        let name = program.get_program().to_string_lossy();
        format!("{name}: {e} (Debian and Ubuntu: apt-get install {package})")
    })
}

fn first_line(program: &mut Child) -> Result<String, String> {
    let mut line = String::new();
    if let Some(output) = program.stdout.take() {
        BufReader::new(output).read_line(&mut line).map_err(|e| e.to_string())?;
    }
    let line = line.trim();
    if line.is_empty() {
        Err("it ended at once".to_owned())
    } else {
        Ok(line.to_owned())
    }
}

/// Ends a program and waits for it.
pub(super) fn end(program: &mut Child) {
    // Both fail only where it has ended by itself.
    let _ = program.kill();
    let _ = program.wait();
}
