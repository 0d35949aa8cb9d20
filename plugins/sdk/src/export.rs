//! The exported symbol.

/// Exports [`Component`](crate::Component)s from a `cdylib`: `export_plugin! { prior: TotalVariation, prior: Wavelet }`,
/// where the kinds are `operator`, `prior` and `projector`. Once per library. The plugin's version is its package's.
#[macro_export]
macro_rules! export_plugin {
    ($($kind:ident: $component:ty),+ $(,)?) => {
        const _: () = {
            use $crate::abi;

            static PLUGIN: $crate::Plugin = $crate::Plugin::new(
                env!("CARGO_PKG_VERSION"),
                &[$($crate::Registration::$kind::<$component>()),+],
            );

            static FACTORY: abi::Factory = abi::Factory {
                struct_size: size_of::<abi::Factory>() as u64,
                count: Some(count),
                descriptor: Some(descriptor),
                create: Some(create),
            };

            /// The symbol that hosts look for.
            #[unsafe(export_name = "diph_plugin_entry")]
            pub static ENTRY: abi::Entry = abi::Entry {
                abi_major: abi::ABI_MAJOR,
                abi_minor: abi::ABI_MINOR,
                struct_size: size_of::<abi::Entry>() as u64,
                init: None,
                deinit: None,
                get_factory: Some(get_factory),
            };

            unsafe extern "C" fn count() -> u64 {
                PLUGIN.count()
            }

            unsafe extern "C" fn descriptor(index: u64) -> *const abi::Descriptor {
                PLUGIN.descriptor(index)
            }

            unsafe extern "C" fn create(
                host: *const abi::Host,
                id: abi::Str,
                options_json: abi::Str,
                arrays: *const abi::NamedTensor,
                n: u64,
                instance: *mut abi::Instance,
                error: *mut abi::ErrorBuffer,
            ) -> abi::Status {
                // SAFETY: the host keeps the header's rules.
                unsafe { PLUGIN.create(host, id, options_json, arrays, n, instance, error) }
            }

            unsafe extern "C" fn get_factory(id: abi::Str) -> *const ::std::ffi::c_void {
                // SAFETY: the host keeps the text alive for the call.
                match unsafe { id.as_str() } {
                    Some(abi::FACTORY) => (&raw const FACTORY).cast(),
                    _ => ::std::ptr::null(),
                }
            }
        };
    };
}
