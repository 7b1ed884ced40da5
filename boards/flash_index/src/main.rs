//! A firmware for a Cortex-M4F that reads the index of the sample stream in its flash.
//!
//! On a host it does nothing: `cargo test -p iev-flash-index` runs the same code there.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("this is a firmware: build it with cargo xtask bare-metal");
}

#[cfg(target_os = "none")]
mod firmware {
    use core::convert::Infallible;

    use cortex_m_semihosting::debug;
    #[cfg(not(feature = "defmt"))]
    use cortex_m_semihosting::hprintln as report;
    use embedded_storage::nor_flash::{ErrorType, ReadNorFlash};
    use iev_flash_index::index::{INDEX_BYTES, Index, read_index};
    use panic_halt as _;
    use static_cell::StaticCell;
    #[cfg(feature = "defmt")]
    use {defmt::info as report, defmt_semihosting as _};

    /// The sample, put into flash with the program; on a product it has a partition of its own.
    static SAMPLE: &[u8] = include_bytes!("../../../models/sample.iev");

    /// Flash that the processor reads like memory.
    pub struct Mapped(&'static [u8]);

    impl ErrorType for Mapped {
        type Error = Infallible;
    }

    impl ReadNorFlash for Mapped {
        const READ_SIZE: usize = 1;

        fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Infallible> {
            let first = offset as usize;
            bytes.copy_from_slice(&self.0[first..first + bytes.len()]);
            Ok(())
        }

        fn capacity(&self) -> usize {
            self.0.len()
        }
    }

    /// All memory that the firmware has besides its stack.
    static INDEX: StaticCell<Index<Mapped>> = StaticCell::new();

    /// The cell knows besides whether it is full.
    const _: () = assert!(size_of::<StaticCell<Index<Mapped>>>() <= INDEX_BYTES + 8);

    #[cortex_m_rt::entry]
    fn main() -> ! {
        let exit = match read_index(Mapped(SAMPLE), 0) {
            Ok(index) => {
                let Index { reader, sections } = INDEX.init(index);
                let header = reader.header();
                report!("{} views, {} sections", header.views.len(), sections.len());
                debug::EXIT_SUCCESS
            }
            Err(error) => {
                report!("{}", error);
                debug::EXIT_FAILURE
            }
        };
        loop {
            debug::exit(exit);
        }
    }
}
