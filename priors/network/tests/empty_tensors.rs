//! Operations on tensors without values: an error or an empty result, never a panic.

use candle_core::{DType, Device, Result, Tensor, Var};
use diph_network::ops::{
    Activation, Precision, add, attention, average_pool, conv2d, group_norm, pixel_shuffle, pixel_unshuffle,
    upsample_nearest,
};

fn zeros(shape: &[usize]) -> Tensor {
    Var::zeros(shape, DType::F32, &Device::Cpu).map(|variable| variable.as_tensor().clone()).expect("allocates")
}

/// An error in the result or its gradient, or a result without values.
fn check(what: &str, result: Result<Tensor>) {
    let Ok(y) = result else { return };
    assert_eq!(y.elem_count(), 0, "{what}: {:?} out of nothing", y.shape());
    let _ = y.sum_all().and_then(|sum| sum.backward());
}

/// One axis after the other without length.
fn empty(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> {
    (0..shape.len()).map(|axis| {
        let mut shape = shape.to_vec();
        shape[axis] = 0;
        shape
    })
}

#[test]
fn convolutions_say_what_they_expect() {
    for (x, weight, bias) in [
        ([0, 2, 4, 4], [3, 2, 3, 3], 3),
        ([1, 0, 4, 4], [3, 0, 3, 3], 3),
        ([1, 2, 0, 4], [3, 2, 3, 3], 3),
        ([1, 2, 4, 0], [3, 2, 1, 1], 3),
        ([1, 2, 4, 4], [0, 2, 1, 1], 0),
    ] {
        for precision in [Precision::F32, Precision::Bf16] {
            let error = conv2d(&zeros(&x), &zeros(&weight), &zeros(&[bias]), precision).expect_err("nothing to do");
            assert!(error.to_string().contains("expected at least one image, channel and pixel"), "{error}");
        }
    }
}

#[test]
fn other_operations_do_not_panic() {
    for shape in empty(&[2, 32, 4, 4]) {
        let (x, scale) = (zeros(&shape), zeros(&shape[..2]));
        check("group norm", group_norm(&x, &scale, &scale, Activation::Silu));
        check("pooling", average_pool(&x));
        check("upsampling", upsample_nearest(&x));
        check("shuffle", pixel_shuffle(&x, 2));
        check("unshuffle", pixel_unshuffle(&x, 2));
        check("sum", add(&x, &x));
    }
    for shape in empty(&[2, 12, 4]) {
        check("attention", attention(&zeros(&shape), 2));
    }
    assert!(attention(&zeros(&[2, 12, 4]), 0).is_err());
    for shuffle in [pixel_shuffle, pixel_unshuffle] {
        assert!(shuffle(&zeros(&[1, 4, 4, 4]), 0).is_err());
    }
}
