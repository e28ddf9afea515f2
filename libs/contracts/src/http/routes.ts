import { createBudget, getBudget, listBudgets } from './budgets.ts';
import { erasePerson, exportDecisions, getChain, getRetention, putRetention, verifyOrgChain } from './chain.ts';
import { getDecision, listDecisions, postDecisions } from './decisions.ts';
import { getHealth } from './health.ts';
import { getAccessVersion, relayIngest, verifyCredential } from './internal.ts';
import { createPolicy, deletePolicy, dryRunPolicies, getPolicy, listPolicies, replacePolicy } from './policies.ts';
import type { HttpRoute } from './route.ts';

/** Every HTTP route of the system but the probes, which each service serves by itself. */
export const ROUTES: readonly HttpRoute[] = [
  postDecisions,
  listDecisions,
  exportDecisions,
  getDecision,
  erasePerson,
  getChain,
  verifyOrgChain,
  getRetention,
  putRetention,
  listPolicies,
  createPolicy,
  dryRunPolicies,
  getPolicy,
  replacePolicy,
  deletePolicy,
  listBudgets,
  getBudget,
  createBudget,
  getHealth,
  verifyCredential,
  getAccessVersion,
  relayIngest,
];
