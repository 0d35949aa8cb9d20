//! Extensions: labels, triggers and rotations of blocks.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::library::{Library, Line};
use crate::{Block, Label, PulseqError};

/// The longest chain of extensions of one block.
const MOST_IN_A_BLOCK: usize = 256;

/// One extension of a chain.
struct Link {
    kind: u32,
    event: u32,
    next: u32,
}

/// Something that an extension does to a block.
#[derive(Clone)]
enum Effect {
    Label(Label),
    Trigger,
    Rotation([f64; 4]),
    Nothing,
}

/// Extensions of a file.
pub(super) struct Extensions {
    links: Library<Link>,
    /// By kind and number.
    effects: Library<Library<Effect>>,
    ignored: Vec<String>,
}

impl Extensions {
    pub(super) fn read(links: &[Line<'_>], sections: &[(&str, Vec<Line<'_>>)]) -> Result<Self> {
        let link = |line: &Line<'_>| {
            let [id, kind, event, next] = line.words("id, kind, event, next")?;
            let (kind, event, next) = (line.whole(kind)?, line.whole(event)?, line.whole(next)?);
            Ok((line.whole(id)?, Link { kind, event, next }))
        };
        let links: Library<Link> = links.iter().map(link).collect::<Result<_>>()?;
        let (mut effects, mut ignored) = (Library::new(), Vec::new());
        for (head, lines) in sections {
            let Some(rest) = head.strip_prefix("extension ") else { continue };
            let Some((name, Ok(kind))) = rest.trim().rsplit_once(' ').map(|(name, kind)| (name, kind.parse::<u32>()))
            else {
                let line = lines.first().map_or(0, |line| line.number.saturating_sub(1));
                return Err(PulseqError::line(line, "extension, name, number", *head));
            };
            let effect = |line: &Line<'_>| effect(name.trim(), line);
            effects.insert(kind, lines.iter().map(effect).collect::<Result<Library<Effect>>>()?);
            if !["LABELSET", "LABELINC", "TRIGGERS", "ROTATIONS"].contains(&name.trim()) {
                ignored.push(name.trim().to_owned());
            }
        }
        // pypulseq leaves soft delays out of files of version 1.4.1, and what leads to them in.
        let undefined: BTreeSet<u32> =
            links.values().map(|link| link.kind).filter(|kind| !effects.contains_key(kind)).collect();
        ignored.extend(undefined.iter().map(|kind| format!("kind {kind} without a definition")));
        Ok(Self { links, effects, ignored })
    }

    pub(super) fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// Does to a block what the chain that begins at `id` says.
    pub(super) fn apply(&self, line: &Line<'_>, id: u32, block: &mut Block) -> Result<()> {
        let mut next = id;
        for _ in 0..MOST_IN_A_BLOCK {
            if next == 0 {
                // The chain is written from its end.
                block.labels.reverse();
                return Ok(());
            }
            let link = line.event(&self.links, "extension", next)?;
            next = link.next;
            let Some(of_kind) = self.effects.get(&link.kind) else { continue };
            match line.event(of_kind, "event of an extension", link.event)?.clone() {
                Effect::Label(label) => block.labels.push(label),
                Effect::Trigger => block.waits_for_trigger = true,
                Effect::Rotation(quaternion) => block.rotation = Some(quaternion),
                Effect::Nothing => (),
            }
        }
        let (what, count) = ("extensions of a block", "a chain without an end".into());
        Err(PulseqError::TooMuch { line: line.number, what, count, most: MOST_IN_A_BLOCK })
    }
}

fn effect(name: &str, line: &Line<'_>) -> Result<(u32, Effect)> {
    /// Kind 2 of the triggers waits; kind 1 gives a signal to others.
    const WAITS: u32 = 2;
    Ok(match name {
        "LABELSET" | "LABELINC" => {
            let [id, value, label] = line.words("id, value, label")?;
            let value = line.number(value)? as i64;
            let label = Label { name: label.to_owned(), value, is_increment: name == "LABELINC" };
            (line.whole(id)?, Effect::Label(label))
        }
        "TRIGGERS" => {
            let [id, kind, _, _, _] = line.words("id, kind, channel, delay, duration")?;
            (line.whole(id)?, if line.whole(kind)? == WAITS { Effect::Trigger } else { Effect::Nothing })
        }
        "ROTATIONS" => {
            let [id, parts @ ..]: [&str; 5] = line.words("id and the four parts of a quaternion")?;
            let mut quaternion = [0.0; 4];
            for (part, word) in quaternion.iter_mut().zip(parts) {
                *part = line.number(word)?;
            }
            let length = quaternion.iter().map(|part| part * part).sum::<f64>().sqrt();
            if length == 0.0 {
                return Err(PulseqError::line(line.number, "a quaternion that is not zero", line.text));
            }
            (line.whole(id)?, Effect::Rotation(quaternion.map(|part| part / length)))
        }
        _ => {
            let id = line.text.split_ascii_whitespace().next().unwrap_or_default();
            (line.whole(id)?, Effect::Nothing)
        }
    })
}
