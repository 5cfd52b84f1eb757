"""The whole system on one machine: broker, job, router and pods as child processes."""
