//! Time without pauses.

use std::time::{Duration, Instant};

/// Measures how long work takes, without the pauses in which somebody looks at it.
#[derive(Debug)]
pub struct Stopwatch {
    begin: Instant,
    paused: Duration,
}

impl Stopwatch {
    /// A stopwatch that runs from now on.
    pub fn start() -> Self {
        Self { begin: Instant::now(), paused: Duration::ZERO }
    }

    /// Does something that does not count.
    pub fn pause<T>(&mut self, aside: impl FnOnce() -> T) -> T {
        let begin = Instant::now();
        let result = aside();
        self.paused += begin.elapsed();
        result
    }

    /// Time since the start that counts.
    pub fn elapsed(&self) -> Duration {
        self.begin.elapsed().saturating_sub(self.paused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds however busy the machine is: pauses are at least as long as asked for, and the whole lasts as long as it does.
    #[test]
    fn pauses_do_not_count() {
        let (begin, pause) = (Instant::now(), Duration::from_millis(30));
        let mut watch = Stopwatch::start();
        assert_eq!(watch.pause(|| std::thread::sleep(pause)), ());
        watch.pause(|| std::thread::sleep(pause));
        assert!(watch.elapsed() + 2 * pause <= begin.elapsed());
    }
}
