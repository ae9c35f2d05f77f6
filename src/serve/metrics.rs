//! Counters, in the text form that Prometheus reads.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What the server has done since it started.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    answers: Mutex<BTreeMap<(&'static str, u16), u64>>,
    bytes: AtomicU64,
    connections: AtomicU64,
    unlogged: AtomicU64,
}

impl Metrics {
    pub(super) fn answered(&self, kind: &'static str, status: u16, bytes: u64) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        *answers.entry((kind, status)).or_default() += 1;
        drop(answers);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn opened(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn closed(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn unlogged(&self) {
        self.unlogged.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn open_connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// The text of `/metrics`.
    pub(super) fn text(&self, references: usize) -> String {
        let mut text = String::from(
            "# HELP carrack_answers_total Answers by what was asked for and HTTP status.\n# TYPE carrack_answers_total counter\n",
        );
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        for ((kind, status), count) in answers.iter() {
            let _ = writeln!(
                text,
                "carrack_answers_total{{kind=\"{kind}\",status=\"{status}\"}} {count}"
            );
        }
        drop(answers);
        let rows = [
            (
                "sent_bytes_total",
                "counter",
                "Bytes of bodies sent.",
                self.bytes.load(Ordering::Relaxed),
            ),
            (
                "open_connections",
                "gauge",
                "Connections open now.",
                self.open_connections(),
            ),
            (
                "unlogged_answers_total",
                "counter",
                "Answers that the access log had no room for.",
                self.unlogged.load(Ordering::Relaxed),
            ),
            (
                "references",
                "gauge",
                "References that the bundle offers.",
                references as u64,
            ),
        ];
        for (name, kind, help, value) in rows {
            let _ = writeln!(
                text,
                "# HELP carrack_{name} {help}\n# TYPE carrack_{name} {kind}\ncarrack_{name} {value}"
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_kind_and_status() {
        let metrics = Metrics::default();
        metrics.answered("blob", 200, 10);
        metrics.answered("blob", 200, 5);
        metrics.answered("manifest", 404, 0);
        let text = metrics.text(3);
        assert!(text.contains("carrack_answers_total{kind=\"blob\",status=\"200\"} 2\n"));
        assert!(text.contains("carrack_sent_bytes_total 15\n"));
        assert!(text.contains("carrack_references 3\n"));
    }
}
