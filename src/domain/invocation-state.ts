export type InvocationState = "queued" | "in_progress" | "completed" | "failed" | "cancelled";
