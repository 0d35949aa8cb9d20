use super::*;

const SLICE: SliceId = SliceId { vol: 2, slice: 13 };

fn maps() -> QuantitativeMaps {
    let stacked = Array3::from_shape_fn((4, 6, 5), |(map, y, x)| 0.01 * (map + y + x) as f32);
    QuantitativeMaps::from_stacked(stacked.view().into_dyn()).unwrap()
}

#[test]
fn everything_round_trips() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = DatasetFolder::new(temporary.path().join("data"));
    assert_eq!(folder.slices(3).unwrap(), []);
    folder.write_maps(SLICE, &maps()).unwrap();
    assert_eq!(folder.maps(SLICE).unwrap(), maps());
    let computed = folder.mask(SLICE, 0.06).unwrap();
    assert_eq!(computed, maps().mask(0.06));
    folder.write_mask(SLICE, 0.06, &computed).unwrap();
    assert!(folder.mask_path(SLICE, 0.06).ends_with("qmaps/mask_vol2_slice13_th0.06.npz"));
    assert_eq!(folder.mask(SLICE, 0.06).unwrap(), computed);
    let tsmi = Array3::from_shape_fn((5, 6, 5), |(k, y, x)| Complex32::new(k as f32, (y * x) as f32));
    folder.write_kspace(SliceId::new(0, 1), 3, &tsmi).unwrap();
    assert_eq!(folder.kspace(SliceId::new(0, 1), 3).unwrap(), tsmi);
    let tsmi = tsmi.into_dyn();
    folder.write_reference_tsmi(SLICE, 3, &tsmi).unwrap();
    folder.write_adjoint_tsmi(SLICE, 3, &tsmi).unwrap();
    assert_eq!(folder.reference_tsmi(SLICE, 3).unwrap(), tsmi);
    assert_eq!(folder.adjoint_tsmi(SLICE, 3).unwrap(), tsmi);
    assert_eq!(folder.slices(3).unwrap(), [SliceId::new(0, 1), SLICE]);
    assert_eq!(folder.slices_with_kspace(2).unwrap(), []);
    assert_eq!(folder.slices_with_reference_tsmi(3).unwrap(), [SLICE]);
    assert_eq!(folder.intensity_factors().unwrap(), IntensityFactors::default());
}

#[test]
fn volumes_round_trip() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = DatasetFolder::new(temporary.path());
    let volume = QuantitativeMaps::stacked(&[maps(), maps()]).unwrap();
    folder.write_maps(SLICE, &volume).unwrap();
    assert_eq!(folder.maps(SLICE).unwrap(), volume);
    folder.write_mask(SLICE, 0.06, &volume.mask(0.06)).unwrap();
    assert_eq!(folder.mask(SLICE, 0.06).unwrap(), volume.mask(0.06));
    let tsmi = ArrayD::from_shape_fn(vec![3, 2, 6, 5], |at| Complex32::new(at[0] as f32, (at[1] * at[3]) as f32));
    folder.write_reference_tsmi(SLICE, 3, &tsmi).unwrap();
    assert_eq!(
        NpzFile::open(folder.reference_tsmi_path(SLICE, 3)).unwrap().shape("tsmi_ref").unwrap(),
        [1, 3, 2, 6, 5]
    );
    assert_eq!(folder.reference_tsmi(SLICE, 3).unwrap(), tsmi);
    NpzWriter::new().with("tsmi_ref", tsmi.view()).write(folder.reference_tsmi_path(SLICE, 3)).unwrap();
    assert_eq!(folder.reference_tsmi(SLICE, 3).unwrap(), tsmi);
    let one_coefficient = ArrayD::from_elem(vec![1, 2, 6, 5], Complex32::ONE);
    folder.write_reference_tsmi(SLICE, 3, &one_coefficient).unwrap();
    assert_eq!(folder.reference_tsmi(SLICE, 3).unwrap(), one_coefficient);
    let one_plane = ArrayD::from_elem(vec![3, 1, 6, 5], Complex32::ONE);
    folder.write_reference_tsmi(SLICE, 3, &one_plane).unwrap();
    assert_eq!(folder.reference_tsmi(SLICE, 3).unwrap().shape(), [3, 6, 5]);
    let flat = ArrayD::<Complex32>::zeros(vec![6, 5]);
    NpzWriter::new().with("tsmi_ref", flat.view()).write(folder.reference_tsmi_path(SLICE, 3)).unwrap();
    let error = folder.reference_tsmi(SLICE, 3).unwrap_err().to_string();
    assert!(error.contains("expected (coefficient, y, x) or (coefficient, z, y, x), got [6, 5]"), "{error}");
}

#[test]
fn k_space_remembers_what_it_was_measured_with() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = DatasetFolder::new(temporary.path());
    let kspace = Array3::from_elem((1, 2, 3), Complex32::ONE);
    folder.write_kspace(SLICE, 3, &kspace).unwrap();
    assert_eq!(folder.measured_with(SLICE, 3).unwrap(), None);
    folder.write_measured_kspace(SLICE, 3, &kspace, "trajectory 12ab").unwrap();
    assert_eq!(folder.measured_with(SLICE, 3).unwrap().as_deref(), Some("trajectory 12ab"));
    assert_eq!(folder.kspace(SLICE, 3).unwrap(), kspace);
}

#[test]
fn two_files_that_say_the_same_are_refused() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = DatasetFolder::new(temporary.path());
    let path = |name: &str| temporary.path().join("acquisition").join(name);
    assert_eq!(folder.trajectory_path().unwrap(), path("traj_dcf.mat"), "errors name this one");
    fs::create_dir(temporary.path().join("acquisition")).unwrap();
    fs::write(path("trajectory.npz"), "").unwrap();
    assert_eq!(folder.trajectory_path().unwrap(), path("trajectory.npz"));
    fs::write(path("traj_dcf.mat"), "").unwrap();
    let error = folder.trajectory_path().unwrap_err().to_string();
    assert!(error.contains("traj_dcf.mat and ") && error.contains("trajectory.npz"), "{error}");
}

#[test]
fn numbers_with_zeros_in_front_are_named() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = DatasetFolder::new(temporary.path());
    fs::create_dir(temporary.path().join("qmaps")).unwrap();
    fs::write(temporary.path().join("qmaps/qmaps_vol00_slice01.npz"), "").unwrap();
    let error = folder.slices(3).unwrap_err().to_string();
    assert!(error.contains("qmaps_vol00_slice01.npz") && error.contains("qmaps_vol0_slice1.npz"), "{error}");
}

#[cfg(unix)]
#[test]
fn links_to_nothing_are_not_taken_for_absent() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = DatasetFolder::new(temporary.path());
    folder.write_maps(SLICE, &maps()).unwrap();
    std::os::unix::fs::symlink("/nowhere/mask.npz", folder.mask_path(SLICE, 0.06)).unwrap();
    let error = folder.mask(SLICE, 0.06).unwrap_err().to_string();
    assert!(error.contains("mask_vol2_slice13_th0.06.npz") && error.contains("/nowhere/mask.npz"), "{error}");
    std::os::unix::fs::symlink("/nowhere", temporary.path().join("synthesized_ksp")).unwrap();
    assert!(folder.slices_with_kspace(3).unwrap_err().to_string().contains("synthesized_ksp"));
    std::os::unix::fs::symlink("/nowhere", folder.intensity_factors_path()).unwrap();
    assert!(folder.intensity_factors().is_err());
}

#[test]
fn times_that_make_no_sense_are_named() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = DatasetFolder::new(temporary.path());
    for (value, word) in [(-0.1, "at least 0"), (830.0, "in seconds")] {
        let mut broken = maps();
        broken.t1[[1, 3]] = value;
        folder.write_maps(SLICE, &broken).unwrap();
        let error = folder.maps(SLICE).unwrap_err().to_string();
        assert!(error.contains("key `qmaps`") && error.contains("T1") && error.contains(word), "{error}");
    }
}

#[test]
fn bad_input_names_file_and_key() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = DatasetFolder::open(temporary.path()).unwrap();
    assert!(
        matches!(folder.maps(SLICE), Err(Error::File(FileError::Missing { path, .. })) if path == folder.maps_path(SLICE))
    );
    assert!(matches!(DatasetFolder::open(temporary.path().join("none")), Err(Error::File(FileError::Missing { .. }))));

    folder.write_maps(SLICE, &maps()).unwrap();
    assert!(matches!(folder.mask(SLICE, 9.0), Err(Error::EmptyMask { .. })));
    folder.write_mask(SLICE, 0.5, &ArrayD::from_elem(vec![6, 5], false)).unwrap();
    assert!(matches!(folder.mask(SLICE, 0.5), Err(Error::EmptyMask { .. })));

    let mut broken = maps();
    broken.t2[[1, 3]] = f32::NAN;
    folder.write_maps(SLICE, &broken).unwrap();
    let message = folder.maps(SLICE).unwrap_err().to_string();
    assert!(message.contains("qmaps_vol2_slice13.npz: key `qmaps`") && message.contains("[1, 1, 3]"), "{message}");

    let path = folder.maps_path(SLICE);
    NpzWriter::new().with("qmaps", Array3::<f32>::zeros((3, 6, 5)).view()).write(&path).unwrap();
    assert!(folder.maps(SLICE).unwrap_err().to_string().contains("expected [4, y, x] or [4, z, y, x], got [3, 6, 5]"));
    NpzWriter::new().with("maps", Array3::<f32>::zeros((4, 6, 5)).view()).write(&path).unwrap();
    assert!(folder.maps(SLICE).unwrap_err().to_string().contains("no key `qmaps`; the keys there are: `maps`"));
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 30]).unwrap();
    assert!(matches!(folder.maps(SLICE), Err(Error::File(FileError::Malformed { .. }))));
}
