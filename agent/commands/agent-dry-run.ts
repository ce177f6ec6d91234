import type { Run } from '../../backends/command.ts';
import type { OwnChains } from '../../backends/netfilter/own-chains.ts';
import { endpointText } from '../../compiler/ir/ir.ts';
import type { ChainPrefix } from '../../compiler/settings.ts';
import { families } from '../../compiler/values/address.ts';
import type { Configuration } from '../config/config.ts';
import type { FamilyPlane, Wanted } from '../dataplane/dataplane.ts';
import { createDryPlane, type DryPlan } from '../dataplane/dry-run.ts';
import { createDryIpvsPlane, type DryIpvsPlan } from '../dataplane/dry-run-ipvs.ts';
import type { Io } from '../io.ts';
import { paintOf } from '../paint.ts';
import { makeIpvsReport } from '../plan-report/ipvs.ts';
import { type FamilyReport, makeReport, reportText } from '../plan-report/report.ts';
import type { ClusterOf } from '../plan-report/sentences.ts';
import { foundIn, oursUnder } from '../planning.ts';
import { readDumps } from '../sources/dump.ts';
import { readIpvsDumps } from '../sources/ipvs-dump.ts';

/**
 * Kernels that are planned for, each plan printed as `slicewright plan` prints it.
 *
 * against   dumps that the first plans start from; empty: the kernel
 * throws    InputError for dumps that cannot be used
 */
export function dryPlanes(
  against: readonly string[],
  io: Io,
  run: Run,
  { backend, settings }: Pick<Configuration, 'backend' | 'settings'>,
): FamilyPlane[] {
  const print = (report: FamilyReport): void => void io.out(reportText(report, paintOf(io), true));
  const prefix = settings.chainPrefix;
  return backend === 'ipvs' ? ipvsPlanes(against, run, prefix, print) : rulePlanes(against, run, prefix, print);
}

type Print = (report: FamilyReport) => void;

function rulePlanes(against: readonly string[], run: Run, prefix: ChainPrefix, print: Print): FamilyPlane[] {
  const ours = oursUnder(prefix);
  const dumps = against.flatMap((path) => readDumps(path, ours.isOurs));
  return families.map((family) => {
    const dump = dumps.find((one) => one.family === family);
    return createDryPlane({
      ...{ family, run, prefix },
      start: dumps.length === 0 ? 'the kernel' : dump && { source: dump.path, found: foundIn(dump, prefix) },
      onPlan: (plan) => print(reportOf(plan, ours)),
    });
  });
}

function reportOf({ source, found, plan, wanted }: DryPlan, ours: OwnChains): FamilyReport {
  return makeReport({ source, found, plan, node: wanted.node, dangers: [] }, ours, clustersIn(wanted));
}

function ipvsPlanes(against: readonly string[], run: Run, prefix: ChainPrefix, print: Print): FamilyPlane[] {
  const dumps = against.flatMap((path) => readIpvsDumps(path, prefix));
  return families.map((family) => {
    const dump = dumps.find(({ program }) => program.family === family);
    return createDryIpvsPlane({
      ...{ family, run, prefix },
      start: dumps.length === 0 ? 'the kernel' : dump && { source: dump.path, observed: dump.program },
      onPlan: (plan) => print(ipvsReportOf(plan)),
    });
  });
}

function ipvsReportOf({ wanted, ...plan }: DryIpvsPlan): FamilyReport {
  const { services, node } = wanted;
  return makeIpvsReport({ ...plan, services, node, dangers: [] }, clustersIn(wanted));
}

function clustersIn({ services }: Wanted): ClusterOf {
  const endpoints = services.flatMap(({ pools }) => [...pools.cluster, ...pools.local]);
  const clusters = new Map(endpoints.map((endpoint) => [endpointText(endpoint), endpoint.cluster ?? 'local'] as const));
  return (text) => clusters.get(text);
}
