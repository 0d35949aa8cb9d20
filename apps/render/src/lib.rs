//! Pictures of parameter maps and curves, drawn without a window system.
//!
//! T1 is shown in the colour map Lipari and T2 in Navia, as recommended for relaxometry (Fuderer et al., "Color-map
//! recommendation for MR relaxometry maps", Magn. Reson. Med. 2025); proton density is grey, signed errors are
//! diverging, and voxels that hold no value are black. Maps are drawn in the order of the array: row 0 on top, column
//! 0 on the left. They are enlarged by whole numbers without interpolation, so every voxel stays visible.

#![deny(unsafe_code)]

mod axis;
mod box_plot;
mod clip;
mod color_bar;
mod color_scale;
mod colormap;
mod colormap_tables;
mod comparison_figure;
mod comparison_pictures;
mod figure;
mod line_plot;
mod map_windows;
mod maps_figure;
mod maps_view;
mod middle_plane;
mod panel;
mod posterior_figure;
mod reliability_figure;
pub mod report;
mod rgb_image;
mod scatter_plot;
mod step_figure;
mod strokes;
mod study_pictures;
mod text;
mod theme;
mod ticks;
mod visible_voxels;

pub use axis::AxisScale;
pub use box_plot::{BoxPlot, BoxRow};
pub use color_scale::ColorScale;
pub use colormap::Colormap;
pub use comparison_figure::{ComparedMethod, comparison_figure, comparison_with_errors};
pub use comparison_pictures::{box_plots, sweep_curves, time_against_error};
pub use figure::{Figure, FigureRow};
pub use line_plot::{LinePlot, Series};
pub use map_windows::MapWindows;
pub use maps_figure::maps_figure;
pub use maps_view::MapsView;
pub use middle_plane::{middle_plane, plane_shown};
pub use panel::Panel;
pub use posterior_figure::posterior_figure;
pub use reliability_figure::reliability_figure;
pub use rgb_image::{Rgb, RgbImage};
pub use scatter_plot::{ScatterPlot, ScatterPoint};
pub use step_figure::{StepImage, step_figure, step_row, steps_figure};
pub use study_pictures::StudyPictures;
pub use visible_voxels::visible_voxels;
