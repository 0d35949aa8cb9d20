//! `diph demo`: an embedded case through every method.

use std::num::NonZero;
use std::path::{Path, PathBuf};

use clap::Args;

use diph_bloch::{DictionaryGrid, Sequence};
use diph_core::{AcquisitionShape, ImageShape, MemoryEstimate};
use diph_datasets::{BrainPhantom, DatasetFolder, MASK_THRESHOLD, REFERENCE_NOISE, SliceId};
use diph_formats::{
    Error as FileError, FolderLock, check_regular, check_writable_folder, is_there, remove_stale_temporaries,
};
use diph_nufft::SpiralOptions;
use diph_plugin_host::Registry;
use diph_recon::acquisition::{AcquisitionSource, DemoAcquisition};
use diph_recon::config::read_json;
use diph_recon::memory::SimulationPlan;
use diph_recon::method::{BUILT_IN, Method};
use diph_recon::study::{FinishedSlice, Study};
use diph_recon::{Blame, DEFAULT_OPERATOR, Evaluation, ReconError, Simulation, write_bytes, write_json};
use diph_render::report::{Page, Picture, ReportRow};
use diph_render::{ComparedMethod, MapWindows, MapsView, StudyPictures, comparison_figure, visible_voxels};
use serde::Serialize;

use super::ImageSize;
use crate::Context;
use crate::output::{AppError, BlameFlag, Table};
use crate::study_output::StudyOutput;

/// Arguments of `diph demo`.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Folder for everything that the demo writes
    #[arg(long, value_name = "DIR", default_value = "demo-out")]
    pub out: PathBuf,
    /// Size of the phantom
    #[arg(long, value_name = "HEIGHTxWIDTH", default_value = "192")]
    pub size: ImageSize,
    /// Replace what another program or another seed has put into the folder
    #[arg(long)]
    pub force: bool,
    /// Subject of the phantom, and seed of the noise
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

/// `metrics.json` of the demo.
#[derive(Serialize)]
struct DemoMetrics {
    methods: Vec<DemoMethod>,
}

/// One method in it.
#[derive(Serialize)]
struct DemoMethod {
    method: String,
    #[serde(flatten)]
    evaluation: Evaluation,
}

impl DemoArgs {
    /// Simulates a measurement, reconstructs it with every built-in method, and writes maps, metrics and a report.
    ///
    /// # Errors
    /// Naming the file or the step to blame.
    pub fn run(&self, context: &Context) -> Result<(), AppError> {
        let registry = context.registry()?;
        let estimate = self.simulation_memory(&registry);
        context.memory.check("simulating the demo's measurement", &estimate, "take a smaller --size")?;
        check_writable_folder(&self.out).file(&self.out)?;
        let _lock = FolderLock::take(&self.out).file(&self.out)?;
        remove_stale_temporaries(&self.out).file(&self.out)?;
        self.check_output()?;
        let folder = DatasetFolder::new(self.out.join("dataset"));
        let id = SliceId::new(0, 0);
        let source = AcquisitionSource::of_folder(&folder, DemoAcquisition::CUT);
        let mut methods = Vec::new();
        for (name, _) in BUILT_IN {
            methods.push((Method::read(name, &[])?, self.out.join(name)));
        }
        let studies: Vec<Study<'_>> =
            methods.iter().map(|(method, out)| self.study(context, &registry, &source, method, out)).collect();
        studies.iter().try_for_each(|study| study.check_output(&[id]))?;
        context.output.note("simulating a brain phantom, its fingerprints and a spiral measurement of 200 frames");
        self.simulate(&registry, &folder, id)?;

        let mut metrics = DemoMetrics { methods: Vec::new() };
        let mut finished = Vec::new();
        let mut observer = StudyOutput::new(&context.output);
        for study in &studies {
            let (results, slices) = study.run(&[id], &mut observer)?.whole()?;
            metrics.methods.push(DemoMethod { method: results.method, evaluation: results.mean });
            finished.extend(slices);
        }
        write_json(&self.out.join("metrics.json"), &metrics)?;
        let comparison = comparison(&folder, id, &metrics, &finished)?;
        write_bytes(&self.out.join("comparison.png"), &comparison)?;
        let html = page(&metrics, &finished, &observer.pictures, comparison).to_html().step("writing the report")?;
        write_bytes(&self.out.join("report.html"), html.as_bytes())?;
        context.output.result(&metrics, || summary(&metrics, &self.out))
    }

    /// The reconstruction by one method.
    fn study<'a>(
        &self,
        context: &'a Context,
        registry: &'a Registry,
        source: &'a AcquisitionSource<'a>,
        method: &'a Method,
        out: &'a Path,
    ) -> Study<'a> {
        Study {
            registry,
            source,
            method,
            overrides: &[],
            out,
            seed: self.seed,
            force: self.force,
            simulate: false,
            brightness: None,
            image_size: None,
            dump_steps: false,
            log_results: false,
            samples: NonZero::<usize>::MIN,
            cancel: &context.cancel,
            memory: context.memory,
            hashes: &context.hashes,
            command_line: &context.command_line,
        }
    }

    /// Fails on results and a report that no demo wrote. Data set and methods have their own guards, of which that of the data set
    /// comes first.
    fn check_output(&self) -> Result<(), AppError> {
        let metrics = self.out.join("metrics.json");
        let is_of_demo = is_there(&metrics).file(&metrics)? && read_json(&metrics)?.get("methods").is_some();
        for name in ["metrics.json", "comparison.png", "report.html"] {
            let path = self.out.join(name);
            check_regular(&path).file(&path)?;
            if !self.force && !is_of_demo && is_there(&path).file(&path)? {
                let what = "it is there, and no demo wrote it".into();
                return Err(FileError::InTheWay { path: path.clone(), what }).file(&path)?;
            }
        }
        Ok(())
    }

    /// What the measurement will need; every reconstruction says its own before it starts.
    fn simulation_memory(&self, registry: &Registry) -> MemoryEstimate {
        let image: (usize, usize) = self.size.into();
        let plan = SimulationPlan {
            operator: DEFAULT_OPERATOR,
            shape: AcquisitionShape {
                image: ImageShape::plane(image.0, image.1),
                coefficients: 5,
                frames: Sequence::CUTS[DemoAcquisition::CUT],
                samples: SpiralOptions::default().samples,
                coils: 1,
                has_coil_maps: false,
                is_weighted: true,
            },
            atoms: DictionaryGrid::BRAIN_ATOMS,
            parameters: 2,
            simulates_dictionary: true,
        };
        plan.memory(registry)
    }

    fn simulate(&self, registry: &Registry, folder: &DatasetFolder, id: SliceId) -> Result<(), AppError> {
        const STEP: &str = "simulating the demo's measurement";
        let (height, width) = self.size.into();
        let DemoAcquisition { sequence, acquisition } = DemoAcquisition::new((height, width), 5).step(STEP)?;
        let mut simulation = Simulation::new(registry, DEFAULT_OPERATOR, folder, DemoAcquisition::CUT, &acquisition)?;
        simulation.sequence = Some(&sequence);
        simulation.noise = REFERENCE_NOISE;
        simulation.seed = self.seed;
        simulation.force = self.force;
        let phantom = BrainPhantom { subject: self.seed, ..BrainPhantom::new(height, width) };
        let maps = phantom.render().flag("--size")?.maps;
        let mut run = simulation.begin(&[id])?;
        run.write_slice(id, &maps)?;
        Ok(run.finish()?)
    }
}

fn comparison(
    folder: &DatasetFolder,
    id: SliceId,
    metrics: &DemoMetrics,
    finished: &[FinishedSlice],
) -> Result<Vec<u8>, ReconError> {
    const STEP: &str = "drawing the comparison";
    let reference = folder.maps(id).file(&folder.maps_path(id))?;
    let note = |error: Option<f64>| error.map_or(String::new(), |error| format!("MAPE {error:.1} %"));
    let mut columns = vec![ComparedMethod {
        name: "reference".into(),
        maps: MapsView::of_maps(&reference).step(STEP)?,
        t1_note: String::new(),
        t2_note: String::new(),
    }];
    for (method, slice) in metrics.methods.iter().zip(finished) {
        columns.push(ComparedMethod {
            name: method.method.clone(),
            maps: MapsView::new(&slice.maps).step(STEP)?,
            t1_note: note(method.evaluation.t1_mape_percent),
            t2_note: note(method.evaluation.t2_mape_percent),
        });
    }
    let shown = visible_voxels(columns[0].maps.pd);
    let title = "Brain phantom, 200 frames of one spiral arm each";
    comparison_figure(title, &columns, shown.view(), MapWindows::default()).and_then(|image| image.to_png()).step(STEP)
}

fn page(metrics: &DemoMetrics, finished: &[FinishedSlice], drawn: &StudyPictures, comparison: Vec<u8>) -> Page {
    let rows = metrics
        .methods
        .iter()
        .map(|method| ReportRow { name: method.method.clone(), evaluation: method.evaluation.clone() })
        .collect();
    let names = metrics.methods.iter().map(|method| method.method.clone());
    let mut pictures =
        vec![Picture { caption: "T1 and T2 of every method beside the reference".into(), png: comparison }];
    for (method, (_, of_slice)) in names.clone().zip(&drawn.slices) {
        pictures.extend(of_slice.iter().map(|picture| Picture { caption: method.clone(), png: picture.png.clone() }));
    }
    let provenance = |(name, slice): (String, &FinishedSlice)| (name, serde_json::json!(slice.provenance));
    Page {
        title: "Diph demo".into(),
        introduction: vec![
            "A procedural brain at 3 T, measured with 200 frames of an inversion-prepared FISP sequence along one spiral \
             arm each, with complex noise. Every operator, prior and projector came out of a plugin that was loaded at \
             run time."
                .into(),
            format!("Errors are taken where |PD| > {MASK_THRESHOLD}; the phantom's values lie off the dictionary's grid."),
        ],
        row_heading: "Method".into(),
        rows,
        pictures,
        provenance: names.zip(finished).map(provenance).collect(),
    }
}

fn summary(metrics: &DemoMetrics, out: &Path) -> String {
    let mut table = Table::new(["method", "T1 MAPE", "T2 MAPE", "T1 med.", "T2 med.", "seconds"]);
    for DemoMethod { method, evaluation } in &metrics.methods {
        let [t1, t2, t1_median, t2_median] = evaluation.map_errors();
        table.row([method.clone(), t1, t2, t1_median, t2_median, format!("{:.2}", evaluation.seconds)]);
    }
    table.note(format!("report: {}", out.join("report.html").display()));
    table.to_string().trim_end().to_owned()
}
