{{- define "slicewright.config" -}}
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: {{ .Values.mode }}
clusterCIDR: {{ .Values.clusterCIDR | quote }}
{{- if eq .Values.mode "ipvs" }}
ipvs: { scheduler: rr }
{{- end }}
{{- end }}

{{- define "slicewright.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- end }}
