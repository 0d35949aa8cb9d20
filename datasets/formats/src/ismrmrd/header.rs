//! The XML header of an ISMRMRD file.

use roxmltree::{Document, Node, ParsingOptions};

/// Elements of the longest header that is read; those of scanners have a few hundred.
const MOST_NODES: u32 = 200_000;

/// What the header of an ISMRMRD file says. What a file leaves out is `None` or empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IsmrmrdHeader {
    /// Resonance frequency of hydrogen in Hz.
    pub resonance_frequency: Option<f64>,
    /// Number of receivers.
    pub receivers: Option<usize>,
    /// Encodings: most files have one.
    pub encodings: Vec<Encoding>,
    /// Repetition times in ms.
    pub repetition_times: Vec<f64>,
    /// Echo times in ms.
    pub echo_times: Vec<f64>,
    /// Inversion times in ms.
    pub inversion_times: Vec<f64>,
    /// Flip angles in degrees.
    pub flip_angles: Vec<f64>,
    /// Kind of the sequence.
    pub sequence: Option<String>,
}

/// One encoding.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Encoding {
    /// What was measured.
    pub encoded: EncodingSpace,
    /// What an image is to be.
    pub recon: EncodingSpace,
    /// First phase encoding, or the arm of a spiral.
    pub step_1: Option<EncodingLimit>,
    /// Second phase encoding, or the partition of a stack.
    pub step_2: Option<EncodingLimit>,
    /// `cartesian`, `epi`, `radial`, `goldenangle`, `spiral` or `other`.
    pub trajectory: String,
}

/// A grid and how large it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EncodingSpace {
    /// Points along x, y and z.
    pub matrix: [usize; 3],
    /// Field of view along x, y and z in mm.
    pub field_of_view: [f64; 3],
}

/// Values of a counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EncodingLimit {
    /// The first.
    pub minimum: usize,
    /// The last.
    pub maximum: usize,
    /// That of the centre of k-space.
    pub center: usize,
}

impl IsmrmrdHeader {
    /// Reads a header.
    ///
    /// # Errors
    /// What is wrong with it: it is no XML, names entities of its own, or a number in it is none.
    pub fn parse(xml: &str) -> Result<Self, String> {
        let options = ParsingOptions { nodes_limit: MOST_NODES, ..ParsingOptions::default() };
        // Some writers end the text with zeros.
        let xml = xml.trim_end_matches('\0');
        let document = Document::parse_with_options(xml, options).map_err(|error| error.to_string())?;
        let root = document.root_element();
        let sequence = child(root, "sequenceParameters");
        let times = |name| sequence.map_or(Ok(Vec::new()), |sequence| numbers(sequence, name));
        Ok(Self {
            resonance_frequency: optional(child(root, "experimentalConditions"), "H1resonanceFrequency_Hz")?,
            receivers: optional(child(root, "acquisitionSystemInformation"), "receiverChannels")?,
            encodings: children(root, "encoding").map(encoding).collect::<Result<_, _>>()?,
            repetition_times: times("TR")?,
            echo_times: times("TE")?,
            inversion_times: times("TI")?,
            flip_angles: times("flipAngle_deg")?,
            sequence: sequence.and_then(|node| child(node, "sequence_type")).and_then(text).map(str::to_owned),
        })
    }
}

fn encoding(node: Node<'_, '_>) -> Result<Encoding, String> {
    let limits = child(node, "encodingLimits");
    let limit = |name| limits.and_then(|limits| child(limits, name)).map(limit).transpose();
    Ok(Encoding {
        encoded: space(node, "encodedSpace")?,
        recon: space(node, "reconSpace")?,
        step_1: limit("kspace_encoding_step_1")?,
        step_2: limit("kspace_encoding_step_2")?,
        trajectory: child(node, "trajectory").and_then(text).unwrap_or("other").to_lowercase(),
    })
}

fn space(node: Node<'_, '_>, name: &'static str) -> Result<EncodingSpace, String> {
    let space = child(node, name).ok_or_else(|| format!("an encoding without {name}"))?;
    let lengths = child(space, "matrixSize").ok_or_else(|| format!("{name} without matrixSize"))?;
    let view = child(space, "fieldOfView_mm").ok_or_else(|| format!("{name} without fieldOfView_mm"))?;
    Ok(EncodingSpace {
        matrix: [number(lengths, "x")?, number(lengths, "y")?, number(lengths, "z")?],
        field_of_view: [number(view, "x")?, number(view, "y")?, number(view, "z")?],
    })
}

fn limit(node: Node<'_, '_>) -> Result<EncodingLimit, String> {
    Ok(EncodingLimit {
        minimum: number(node, "minimum")?,
        maximum: number(node, "maximum")?,
        center: number(node, "center")?,
    })
}

/// Names count, not the namespace, which writers leave out.
fn children<'a, 'i>(node: Node<'a, 'i>, name: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| child.is_element() && child.tag_name().name() == name)
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &'static str) -> Option<Node<'a, 'i>> {
    children(node, name).next()
}

fn text<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    node.text().map(str::trim).filter(|text| !text.is_empty())
}

fn parse<T: std::str::FromStr>(node: Node<'_, '_>) -> Result<T, String> {
    let found = text(node).unwrap_or_default();
    found.parse().map_err(|_| format!("{}: expected a number, got `{found}`", node.tag_name().name()))
}

fn number<T: std::str::FromStr>(node: Node<'_, '_>, name: &'static str) -> Result<T, String> {
    parse(child(node, name).ok_or_else(|| format!("{} without {name}", node.tag_name().name()))?)
}

fn optional<T: std::str::FromStr>(node: Option<Node<'_, '_>>, name: &'static str) -> Result<Option<T>, String> {
    node.and_then(|node| child(node, name)).map(parse).transpose()
}

fn numbers<T: std::str::FromStr>(node: Node<'_, '_>, name: &'static str) -> Result<Vec<T>, String> {
    children(node, name).map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const XML: &str = r#"<?xml version="1.0"?>
<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
  <experimentalConditions><H1resonanceFrequency_Hz>63500000</H1resonanceFrequency_Hz></experimentalConditions>
  <encoding>
    <encodedSpace><matrixSize><x>32</x><y>16</y><z>1</z></matrixSize>
      <fieldOfView_mm><x>600</x><y>300</y><z>6</z></fieldOfView_mm></encodedSpace>
    <reconSpace><matrixSize><x>16</x><y>16</y><z>1</z></matrixSize>
      <fieldOfView_mm><x>300</x><y>300</y><z>6.5</z></fieldOfView_mm></reconSpace>
    <encodingLimits><kspace_encoding_step_1>
      <minimum>0</minimum><maximum>15</maximum><center>8</center></kspace_encoding_step_1></encodingLimits>
    <trajectory>Spiral</trajectory>
  </encoding>
  <sequenceParameters><TR>12.5</TR><TR>13</TR><flipAngle_deg>70</flipAngle_deg></sequenceParameters>
</ismrmrdHeader>"#;

    #[test]
    fn a_header_is_read() {
        let header = IsmrmrdHeader::parse(XML).unwrap();
        assert_eq!(header.resonance_frequency, Some(63_500_000.0));
        assert_eq!(header.repetition_times, [12.5, 13.0]);
        assert_eq!(header.flip_angles, [70.0]);
        let encoding = &header.encodings[0];
        assert_eq!(encoding.trajectory, "spiral");
        assert_eq!(encoding.encoded.matrix, [32, 16, 1]);
        assert_eq!(encoding.recon.field_of_view, [300.0, 300.0, 6.5]);
        assert_eq!(encoding.step_1, Some(EncodingLimit { minimum: 0, maximum: 15, center: 8 }));
        assert_eq!(encoding.step_2, None);
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(IsmrmrdHeader::parse("").is_err());
        let problem = IsmrmrdHeader::parse(&XML.replace("<x>32</x>", "<x>many</x>")).unwrap_err();
        assert_eq!(problem, "x: expected a number, got `many`");
        let entity = format!("<!DOCTYPE x [<!ENTITY a \"b\">]>{}", &XML[22..]);
        assert!(IsmrmrdHeader::parse(&entity).is_err());
    }

    proptest! {
        #[test]
        fn garbled_headers_never_panic(at in 0usize..1200, byte in any::<u8>()) {
            let mut bytes = XML.as_bytes().to_vec();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = IsmrmrdHeader::parse(&String::from_utf8_lossy(&bytes));
        }
    }
}
