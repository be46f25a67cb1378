package metrics

// runtimeFamilies declares the families of client_golang's process collector
// for the documentation. The go_ families, some thirty, are not listed singly.
func runtimeFamilies() []Family {
	process := func(name string, kind Kind, unit, help string) Family {
		return Family{
			Name: name, Kind: kind, Unit: unit, Group: GroupRuntime, Present: "always, on Linux", Help: help,
			Moves: "read from the kernel at scrape", Still: "nothing that requests do directly", Always: true, Foreign: true,
		}
	}
	return []Family{
		process("process_cpu_seconds_total", Counter, "seconds", "User and system CPU time of the process."),
		process("process_open_fds", Gauge, "descriptors", "Open file descriptors."),
		process("process_max_fds", Gauge, "descriptors", "Limit of open file descriptors."),
		process("process_virtual_memory_bytes", Gauge, "bytes", "Virtual memory of the process; mapped weights count."),
		process("process_resident_memory_bytes", Gauge, "bytes", "Resident memory of the process."),
		process("process_start_time_seconds", Gauge, "seconds", "When the process started, in Unix time."),
	}
}
