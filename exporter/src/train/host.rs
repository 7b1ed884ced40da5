//! Where numbers leave the device for the processor. A step of training that runs on a device does not come here:
//! every visit waits until all that was asked of the device is done.

use tch::{Device, Tensor};

/// Values of a tensor in row-major order.
pub fn to_vec(tensor: &Tensor) -> Vec<f32> {
    visits::count();
    let flat = tensor.detach().to_device(Device::Cpu).contiguous().reshape([-1]);
    Vec::<f32>::try_from(flat).unwrap_or_else(|e| panic!("a float tensor converts to floats: {e}"))
}

/// The one value of a tensor.
pub fn number(tensor: &Tensor) -> f64 {
    visits::count();
    tensor.double_value(&[])
}

/// The same values on the processor.
pub fn brought(tensor: &Tensor) -> Tensor {
    visits::count();
    tensor.detach().to_device(Device::Cpu)
}

/// How often this thread has come here, for the test that says when it does not.
#[cfg(test)]
pub mod visits {
    use std::cell::Cell;

    thread_local!(static VISITS: Cell<usize> = const { Cell::new(0) });

    pub fn count() {
        VISITS.set(VISITS.get() + 1);
    }

    pub fn so_far() -> usize {
        VISITS.get()
    }
}

#[cfg(not(test))]
mod visits {
    pub fn count() {}
}
