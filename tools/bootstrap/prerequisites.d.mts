export function nodeProblem(version: string | null): string | null;
export function npmProblem(version: string | null): string | null;
export function javaProblem(output: string | null): string | null;
export function mavenProblem(output: string | null): string | null;
export function dockerAnswers(): boolean;
export function buildProblems(): string[];
export function nativeProblems(fetched: boolean): string[];
