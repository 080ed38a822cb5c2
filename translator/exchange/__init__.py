"""One HTTP exchange as a sans-IO state machine: route, phases, headers, errors. Pure."""
