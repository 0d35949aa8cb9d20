//! File formats, data folders and the procedural brain phantom.
