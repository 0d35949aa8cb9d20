use candle_core::{DType, Device, Result, Tensor, Var};

use super::super::gradient_check::{check_gradients, gradients, random, relative_error};
use super::{Precision, conv2d};

/// The definition, in f64.
fn plain(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let (batch, inputs, height, width) = x.dims4()?;
    let (outputs, _, kernel, _) = weight.dims4()?;
    let values = |tensor: &Tensor| tensor.flatten_all()?.to_vec1::<f32>();
    let (x, weight, bias) = (values(x)?, values(weight)?, values(bias)?);
    let mut y = Vec::new();
    for (n, o) in (0..batch).flat_map(|n| (0..outputs).map(move |o| (n, o))) {
        for (row, column) in (0..height).flat_map(|row| (0..width).map(move |column| (row, column))) {
            let mut sum = f64::from(bias[o]);
            for (i, tap) in (0..inputs).flat_map(|i| (0..kernel * kernel).map(move |tap| (i, tap))) {
                let (r, c) = (row + tap / kernel, column + tap % kernel);
                let border = kernel / 2;
                if (border..height + border).contains(&r) && (border..width + border).contains(&c) {
                    let pixel = x[((n * inputs + i) * height + r - border) * width + c - border];
                    sum += f64::from(weight[(o * inputs + i) * kernel * kernel + tap]) * f64::from(pixel);
                }
            }
            y.push(sum as f32);
        }
    }
    Tensor::from_vec(y, (batch, outputs, height, width), &Device::Cpu)
}

/// (batch, inputs, outputs, height, width): odd, small, one pixel, wider than a tile, more channels than a tile.
const SHAPES: [(usize, usize, usize, usize, usize); 9] = [
    (1, 1, 1, 1, 1),
    (2, 3, 5, 4, 3),
    (1, 5, 9, 1, 17),
    (1, 2, 8, 19, 1),
    (2, 7, 17, 13, 11),
    (1, 16, 8, 8, 8),
    (1, 20, 3, 5, 61),
    (1, 64, 16, 14, 14),
    (1, 66, 10, 7, 9),
];

#[test]
fn matches_the_definition_on_odd_shapes() -> Result<()> {
    for (batch, inputs, outputs, height, width) in SHAPES {
        for kernel in [1, 3] {
            let x = random(&[batch, inputs, height, width], 1);
            let weight = random(&[outputs, inputs, kernel, kernel], 2);
            let bias = random(&[outputs], 3);
            let error = relative_error(&conv2d(&x, &weight, &bias, Precision::F32)?, &plain(&x, &weight, &bias)?)?;
            assert!(error < 1e-6, "{batch} {inputs} {outputs} {height} {width} {kernel}: {error:e}");
        }
    }
    Ok(())
}

/// Exact products of rounded factors: only the rounding of the factors separates the precisions.
#[test]
fn bfloat16_is_the_convolution_of_rounded_factors() -> Result<()> {
    let rounded = |x: &Tensor| x.to_dtype(DType::BF16)?.to_dtype(DType::F32);
    for (batch, inputs, outputs, height, width) in SHAPES {
        for kernel in [1, 3] {
            let x = random(&[batch, inputs, height, width], 21);
            let weight = random(&[outputs, inputs, kernel, kernel], 22);
            let bias = random(&[outputs], 23);
            let expected = plain(&rounded(&x)?, &rounded(&weight)?, &bias)?;
            let error = relative_error(&conv2d(&x, &weight, &bias, Precision::Bf16)?, &expected)?;
            assert!(error < 1e-6, "{batch} {inputs} {outputs} {height} {width} {kernel}: {error:e}");
        }
    }
    Ok(())
}

#[test]
fn gradients_in_bfloat16_are_those_in_f32_up_to_rounding() -> Result<()> {
    for (batch, inputs, outputs, height, width) in SHAPES {
        for kernel in [1, 3] {
            let arguments = [
                random(&[batch, inputs, height, width], 24),
                random(&[outputs, inputs, kernel, kernel], 25),
                random(&[outputs], 26),
            ];
            let bf16 = gradients(&arguments, |x| conv2d(&x[0], &x[1], &x[2], Precision::Bf16))?;
            let f32 = gradients(&arguments, |x| conv2d(&x[0], &x[1], &x[2], Precision::F32))?;
            for (bf16, f32) in bf16.iter().zip(&f32) {
                let error = relative_error(bf16, f32)?;
                assert!(error < 6e-3, "{batch} {inputs} {outputs} {height} {width} {kernel}: {error:e}");
            }
        }
    }
    Ok(())
}

#[test]
fn gradients_match_candle() -> Result<()> {
    for (batch, inputs, outputs, height, width) in SHAPES {
        for kernel in [1, 3] {
            let arguments = [
                random(&[batch, inputs, height, width], 4),
                random(&[outputs, inputs, kernel, kernel], 5),
                random(&[outputs], 6),
            ];
            let ours = gradients(&arguments, |x| conv2d(&x[0], &x[1], &x[2], Precision::F32))?;
            let theirs = gradients(&arguments, |x| {
                x[0].conv2d(&x[1], kernel / 2, 1, 1, 1)?.broadcast_add(&x[2].reshape((1, outputs, 1, 1))?)
            })?;
            for (ours, theirs) in ours.iter().zip(&theirs) {
                let error = relative_error(ours, theirs)?;
                assert!(error < 2e-6, "{batch} {inputs} {outputs} {height} {width} {kernel}: {error:e}");
            }
        }
    }
    Ok(())
}

#[test]
fn gradients_match_finite_differences() -> Result<()> {
    for kernel in [1, 3] {
        let arguments = [random(&[2, 3, 5, 4], 7), random(&[4, 3, kernel, kernel], 8), random(&[4], 9)];
        check_gradients(&arguments, |x| conv2d(&x[0], &x[1], &x[2], Precision::F32))?;
    }
    Ok(())
}

#[test]
fn a_frozen_weight_gets_no_gradient() -> Result<()> {
    let x = Var::from_tensor(&random(&[1, 2, 4, 4], 10))?;
    let weight = random(&[3, 2, 3, 3], 11);
    let gradients = conv2d(&x, &weight, &random(&[3], 12), Precision::F32)?.sum_all()?.backward()?;
    assert!(gradients.get(&x).is_some());
    assert!(gradients.get(&weight).is_none());
    Ok(())
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() -> Result<()> {
    let arguments = [random(&[3, 20, 15, 17], 13), random(&[24, 20, 3, 3], 14), random(&[24], 15)];
    let run = |threads: usize| -> Result<Vec<Vec<f32>>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(candle_core::Error::wrap)?;
        pool.install(|| {
            let mut results = gradients(&arguments, |x| conv2d(&x[0], &x[1], &x[2], Precision::F32))?;
            results.push(conv2d(&arguments[0], &arguments[1], &arguments[2], Precision::F32)?);
            results.iter().map(|tensor| tensor.flatten_all()?.to_vec1::<f32>()).collect()
        })
    };
    assert_eq!(run(1)?, run(3)?);
    Ok(())
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let bias = random(&[4], 18);
    let attempt =
        |x: &[usize], weight: &[usize]| conv2d(&random(x, 16), &random(weight, 17), &bias, Precision::F32).map(|_| ());
    assert!(attempt(&[1, 3, 4, 4], &[4, 2, 3, 3]).unwrap_err().to_string().contains("[outputs, 3, 3, 3]"));
    assert!(attempt(&[1, 3, 4, 4], &[4, 3, 5, 5]).is_err());
    assert!(attempt(&[3, 4, 4], &[4, 3, 3, 3]).is_err());
    assert!(attempt(&[1, 3, 4, 4], &[5, 3, 3, 3]).unwrap_err().to_string().contains("bias of shape [5]"));
}
