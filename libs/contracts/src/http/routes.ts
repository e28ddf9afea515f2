import { exportAudit, listAudit, verifyAudit } from './audit.ts';
import { adjustBudget, listBudgetPeriods, listBudgetVersions, listLedger } from './budget-history.ts';
import { archiveBudget, changeBudget, createBudget, getBudget, listBudgets } from './budgets.ts';
import { erasePerson, exportDecisions, getChain, getRetention, putRetention, verifyOrgChain } from './chain.ts';
import { closeConnection, endConnection, listConnections, readConnections } from './connections.ts';
import { getDecision, listDecisions, postDecisions, streamDecisions } from './decisions.ts';
import { getHealth } from './health.ts';
import { relayHolds } from './hold-relay.ts';
import { createHold, getHold, listHolds, releaseHold, settleHold } from './holds.ts';
import { getAccessVersion, relayIngest, reportAccess, verifyCredential } from './internal.ts';
import { createKey, getKey, listKeys, revokeKey, rotateKey, updateKey } from './keys.ts';
import { listNotifications, readNotifications } from './notifications.ts';
import {
  createInvitation,
  createOrg,
  getOrg,
  listInvitations,
  listMembers,
  listOrgs,
  removeMember,
  revokeInvitation,
  suspendOrg,
  updateMember,
  updateOrg,
} from './orgs.ts';
import { createPolicy, deletePolicy, dryRunPolicies, getPolicy, listPolicies, replacePolicy } from './policies.ts';
import { importPrices, listPrices } from './prices.ts';
import { eraseRawText, getRawText } from './raw-text.ts';
import type { HttpRoute } from './route.ts';
import { acceptInvitation, changePassword, createTicket, login, logout, refreshSession } from './sessions.ts';
import { exportUsage, getUsage } from './usage.ts';
import {
  changeWebhook,
  createWebhook,
  deleteWebhook,
  getDelivery,
  getWebhook,
  listDeliveries,
  listWebhooks,
  replayDelivery,
  rotateWebhookSecret,
  testWebhook,
} from './webhooks.ts';

/** Every HTTP route of the system but the probes, which each service serves by itself. */
export const ROUTES: readonly HttpRoute[] = [
  postDecisions,
  listDecisions,
  exportDecisions,
  getDecision,
  streamDecisions,
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
  changeBudget,
  archiveBudget,
  listBudgetVersions,
  listBudgetPeriods,
  listLedger,
  adjustBudget,
  createHold,
  settleHold,
  releaseHold,
  getHold,
  listHolds,
  getUsage,
  exportUsage,
  listPrices,
  importPrices,
  listWebhooks,
  createWebhook,
  getWebhook,
  changeWebhook,
  deleteWebhook,
  rotateWebhookSecret,
  testWebhook,
  listDeliveries,
  getDelivery,
  replayDelivery,
  listOrgs,
  createOrg,
  getOrg,
  updateOrg,
  suspendOrg,
  listMembers,
  updateMember,
  removeMember,
  listInvitations,
  createInvitation,
  revokeInvitation,
  listKeys,
  createKey,
  getKey,
  updateKey,
  rotateKey,
  revokeKey,
  listAudit,
  exportAudit,
  verifyAudit,
  login,
  refreshSession,
  logout,
  createTicket,
  acceptInvitation,
  changePassword,
  getRawText,
  eraseRawText,
  getHealth,
  listConnections,
  closeConnection,
  listNotifications,
  readNotifications,
  verifyCredential,
  getAccessVersion,
  reportAccess,
  relayIngest,
  relayHolds,
  readConnections,
  endConnection,
];
