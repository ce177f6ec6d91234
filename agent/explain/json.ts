import { formatPercent, type Rational } from '../../compiler/values/rational.ts';
import { type DocumentFormat, documentText } from '../terminal/document.ts';
import type { ExplainedPort } from './explain.ts';

/**
 * Explained ports for programs. A share is `{"numerator": "1", "denominator": "3", "percent": "33.3333 %"}`: the exact
 * fraction is text, since it may have more digits than a JSON reader keeps.
 */
export function explainDocument(ports: readonly ExplainedPort[], format: DocumentFormat): Promise<string> {
  return documentText('ExplainedService', { ports: ports.map(portJson) }, format);
}

function portJson({ endpoints, ...port }: ExplainedPort) {
  return {
    ...port,
    endpoints: endpoints.map(
      ({ service: _service, portName: _name, protocol: _protocol, family: _family, ...rest }) => ({
        ...rest,
        cluster: rest.cluster ?? null,
        share: shareJson(rest.share),
        shareWithout: rest.shareWithout && shareJson(rest.shareWithout),
      }),
    ),
  };
}

export function shareJson(share: Rational) {
  const { numerator, denominator } = share;
  return { numerator: String(numerator), denominator: String(denominator), percent: formatPercent(share) };
}
