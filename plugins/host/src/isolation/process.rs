//! A worker's process, as the host sees it.

use std::io::{self, Read};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::Isolation;
use super::arena::Arena;
use super::message::{Answer, Failure, Request, Word, checked_length, send};
use crate::death::manner_of_death;
use crate::{HostServices, LogLevel};

/// How often a host that waits looks at the clock and at Ctrl-C.
const PAUSE: Duration = Duration::from_millis(20);
/// How long a plugin may take to hear of Ctrl-C, and a process that has closed its socket to end.
const GRACE: Duration = Duration::from_secs(2);

/// The process of a worker with its socket and its memory.
pub(super) struct Process {
    child: Child,
    socket: UnixStream,
    /// What has been read of the next message.
    read: Vec<u8>,
    pub(super) arena: Arena,
}

/// Why a process is of no use any more.
pub(super) enum End {
    /// In words.
    Failed(String),
    /// The user asked to stop, and it did not hear.
    Cancelled,
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Failed(format!("its process cannot be reached: {error}"))
    }
}

impl Process {
    pub(super) fn start(isolation: &Isolation, library: &Path) -> io::Result<Self> {
        let (socket, other) = UnixStream::pair()?;
        socket.set_read_timeout(Some(PAUSE))?;
        socket.set_write_timeout(Some(isolation.time_out))?;
        let arena = Arena::create()?;
        let mut command = (isolation.command)(library);
        // In a group of its own: Ctrl-C in a terminal reaches the host, which passes it on.
        let command = command.stdin(OwnedFd::from(other)).stdout(arena.file()?).process_group(0);
        Ok(Self { child: command.spawn()?, socket, read: Vec::new(), arena })
    }

    /// Sends a request and waits for its answer; what the worker says in between goes to the services.
    pub(super) fn ask(
        &mut self,
        request: &Request,
        time_out: Duration,
        services: &HostServices,
    ) -> Result<Result<Answer, Failure>, End> {
        if let Err(error) = send(&mut self.socket, request) {
            return Err(self.end().unwrap_or_else(|| error.into()));
        }
        let mut deadline = Instant::now() + time_out;
        let mut is_told = false;
        loop {
            match self.word()? {
                Some(Word::Answer(answer)) => return Ok(answer),
                Some(Word::Log(component, level, message)) => {
                    services.log(&component, LogLevel::from_code(level), &message);
                }
                Some(Word::Progress(component, task, done, total)) => {
                    deadline = Instant::now() + time_out;
                    services.progress(&component, &task, done, total);
                }
                None => {}
            }
            if services.is_cancelled() && !is_told {
                is_told = true;
                self.interrupt();
                deadline = deadline.min(Instant::now() + GRACE);
            }
            if Instant::now() > deadline {
                return Err(match is_told {
                    true => End::Cancelled,
                    false => {
                        End::Failed(format!("no answer after {} s: its process was ended", time_out.as_secs_f64()))
                    }
                });
            }
        }
    }

    /// The next word, where a whole one comes soon.
    fn word(&mut self) -> Result<Option<Word>, End> {
        let nonsense = |error: &dyn std::fmt::Display| End::Failed(format!("its process answered nonsense ({error})"));
        loop {
            if let Some(text) = self.read.split_first_chunk::<4>() {
                let length = checked_length(*text.0).map_err(|error| nonsense(&error))?;
                if text.1.len() >= length {
                    let word = serde_json::from_slice(&text.1[..length]).map_err(|error| nonsense(&error))?;
                    self.read.drain(..4 + length);
                    return Ok(Some(word));
                }
            }
            let mut bytes = [0; 1 << 16];
            match self.socket.read(&mut bytes) {
                Ok(0) => return Err(self.end().unwrap_or_else(|| End::Failed("its process closed its socket".into()))),
                Ok(count) => self.read.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    // A process that it has started may hold the socket open when it is dead itself.
                    return match self.child.try_wait()? {
                        Some(status) => Err(died(status)),
                        None => Ok(None),
                    };
                }
                Err(error) => return Err(self.end().unwrap_or_else(|| error.into())),
            }
        }
    }

    /// How it ended, where it did.
    fn end(&mut self) -> Option<End> {
        let begin = Instant::now();
        while begin.elapsed() < GRACE {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(died(status));
            }
            sleep(PAUSE);
        }
        None
    }

    fn interrupt(&self) {
        if let Some(id) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // One that has ended meanwhile needs no signal.
            let _ = kill_process(id, Signal::INT);
        }
    }
}

/// Nothing of it stays behind.
impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn died(status: ExitStatus) -> End {
    End::Failed(format!("its process died: {}", manner_of_death(status)))
}
