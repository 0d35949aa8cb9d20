//! The entry of a plugin, and the exported symbol.

/// Makes `pub static PLUGIN`, the entry of a plugin with these [`Component`](crate::Component)s, without exporting a symbol:
/// `plugin! { prior: TotalVariation, prior: Wavelet }`. The kinds are `operator`, `prior`, `projector` and `estimator`. The
/// plugin's version is its package's.
///
/// A host links it and calls `Registry::register_static(&PLUGIN)`; a shared library exports it by
/// [`export_plugin!`](crate::export_plugin)`(static name_of_crate::PLUGIN)`.
#[macro_export]
macro_rules! plugin {
    ($($kind:ident: $component:ty),+ $(,)?) => {
        /// The entry of this plugin: what a shared library exports and a host that links it registers.
        pub static PLUGIN: $crate::abi::Entry = $crate::entry!($($kind: $component),+);
    };
}

/// Exports a plugin from a `cdylib`, once per library: `export_plugin! { prior: TotalVariation, prior: Wavelet }` as in
/// [`plugin!`](crate::plugin), or `export_plugin!(static name_of_crate::PLUGIN)` of an entry that another crate has.
#[macro_export]
macro_rules! export_plugin {
    (static $plugin:path) => {
        const _: () = {
            /// The symbol that hosts look for.
            #[unsafe(export_name = "diph_plugin_entry")]
            pub static ENTRY: $crate::abi::Entry = $plugin;
        };
    };
    ($($kind:ident: $component:ty),+ $(,)?) => {
        const _: () = {
            /// The symbol that hosts look for.
            #[unsafe(export_name = "diph_plugin_entry")]
            pub static ENTRY: $crate::abi::Entry = $crate::entry!($($kind: $component),+);
        };
    };
}

/// An entry with a table and C functions of its own. Use [`plugin!`](crate::plugin) or
/// [`export_plugin!`](crate::export_plugin).
#[doc(hidden)]
#[macro_export]
macro_rules! entry {
    ($($kind:ident: $component:ty),+) => {{
        use $crate::abi;

        static TABLE: $crate::Plugin =
            $crate::Plugin::new(env!("CARGO_PKG_VERSION"), &[$($crate::Registration::$kind::<$component>()),+]);

        static FACTORY: abi::Factory = abi::Factory {
            struct_size: size_of::<abi::Factory>() as u64,
            count: Some(count),
            descriptor: Some(descriptor),
            create: Some(create),
        };

        static MEMORY_ESTIMATE: abi::MemoryEstimate = abi::MemoryEstimate {
            struct_size: size_of::<abi::MemoryEstimate>() as u64,
            estimate: Some(estimate_memory),
        };

        static TIME_ESTIMATE: abi::TimeEstimate = abi::TimeEstimate {
            struct_size: size_of::<abi::TimeEstimate>() as u64,
            estimate: Some(estimate_time),
        };

        unsafe extern "C" fn count() -> u64 {
            TABLE.count()
        }

        unsafe extern "C" fn descriptor(index: u64) -> *const abi::Descriptor {
            TABLE.descriptor(index)
        }

        unsafe extern "C" fn create(
            host: *const abi::Host,
            id: abi::Str,
            options_json: abi::Str,
            acquisition: *const abi::Acquisition,
            instance: *mut abi::Instance,
            error: *mut abi::ErrorBuffer,
        ) -> abi::Status {
            // SAFETY: the host keeps the header's rules.
            unsafe { TABLE.create(host, id, options_json, acquisition, instance, error) }
        }

        unsafe extern "C" fn estimate_memory(
            id: abi::Str,
            options_json: abi::Str,
            acquisition: *const abi::Acquisition,
            uses: u64,
            sink: *const abi::MemorySink,
            error: *mut abi::ErrorBuffer,
        ) -> abi::Status {
            // SAFETY: the host keeps the header's rules.
            unsafe { TABLE.memory(id, options_json, acquisition, uses, sink, error) }
        }

        unsafe extern "C" fn estimate_time(
            host: *const abi::Host,
            id: abi::Str,
            options_json: abi::Str,
            acquisition: *const abi::Acquisition,
            calls: u64,
            seconds: *mut f64,
            error: *mut abi::ErrorBuffer,
        ) -> abi::Status {
            // SAFETY: the host keeps the header's rules.
            unsafe { TABLE.time(host, id, options_json, acquisition, calls, seconds, error) }
        }

        unsafe extern "C" fn get_factory(id: abi::Str) -> *const ::std::ffi::c_void {
            // SAFETY: the host keeps the text alive for the call.
            match unsafe { id.as_str() } {
                Some(abi::FACTORY) => (&raw const FACTORY).cast(),
                Some(abi::MEMORY_ESTIMATE) => (&raw const MEMORY_ESTIMATE).cast(),
                Some(abi::TIME_ESTIMATE) => (&raw const TIME_ESTIMATE).cast(),
                _ => ::std::ptr::null(),
            }
        }

        abi::Entry {
            abi_major: abi::ABI_MAJOR,
            abi_minor: abi::ABI_MINOR,
            struct_size: size_of::<abi::Entry>() as u64,
            init: None,
            deinit: None,
            get_factory: Some(get_factory),
        }
    }};
}
