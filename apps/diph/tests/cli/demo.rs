//! `diph demo`.

use crate::bench::Bench;

#[test]
fn writes_maps_metrics_and_a_self_contained_report() {
    let bench = Bench::new();
    bench.succeed(&["demo", "--size", "96", "--out", "demo-out"]);
    let metrics = bench.json("demo-out/metrics.json");
    let methods: Vec<&str> =
        metrics["methods"].as_array().unwrap().iter().map(|m| m["method"].as_str().unwrap()).collect();
    let built_in: Vec<&str> = diph_recon::method::BUILT_IN.into_iter().map(|(name, _)| name).collect();
    assert_eq!(methods, built_in);
    let t2 = |index: usize| metrics["methods"][index]["t2_mape_percent"].as_f64().unwrap();
    assert!(t2(2) < 0.5 * t2(0), "total variation must beat the adjoint image: {} against {}", t2(2), t2(0));
    for method in methods {
        for file in ["maps.npz", "tsmi.npz", "maps.png", "metrics.json", "method.json", "provenance.json"] {
            let path = bench.path(&format!("demo-out/{method}/vol0_slice0/{file}"));
            assert!(path.metadata().unwrap().len() > 0, "{}", path.display());
        }
    }
    let html = std::fs::read_to_string(bench.path("demo-out/report.html")).unwrap();
    assert!(html.contains("lrtv") && html.contains("data:image/png;base64,"));
    assert!(!html.contains("<script") && !html.contains("http://") && !html.contains("https://"));
}
