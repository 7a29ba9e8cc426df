// gallra as a scheduled job in Azure Container Apps: what it runs as, where it keeps its ledger, who hears when it fails.
// docs/quickstart.md tells how to deploy it, docs/operations.md how to live with it.
//
// Everything is within one resource group. Nothing here gives a right in Dynamics 365: that is an administrator's to give,
// to the client id that this template tells at its end.
targetScope = 'resourceGroup'

@description('Begins the name of everything that is made here.')
@minLength(3)
@maxLength(20)
param name string = 'gallra'

@description('Where everything is made. Choose the region of the Dynamics 365 environment.')
param location string = resourceGroup().location

@description('The environment, such as https://org.crm4.dynamics.com')
param dataverseUrl string

@description('The image with its digest, such as myregistry.azurecr.io/gallra@sha256:…')
param image string

@description('The Azure container registry in this resource group that the image is pulled from; empty: a registry that asks for no sign-in.')
param registry string = ''

@description('The policy and the FetchXML files it names, each with its file name and its text. The first one is the policy.')
@secure()
param policyFiles object

@description('When the job runs, as cron in UTC.')
param schedule string = '0 1 * * *'

@description('When owners are told in Dynamics 365 which of their people are to be purged, as cron in UTC; empty: never.')
param notifySchedule string = '0 5 * * 1'

@description('false: the job shows what it would do and writes nothing. Leave it so until a night\'s plan has been read.')
param apply bool = false

@description('The longest that a run may take, in seconds. It stops itself ten minutes before.')
@minValue(1800)
@maxValue(86400)
param longestRun int = 21600

@description('For how many days no line of the ledger can be changed or deleted, by nobody. The template leaves the policy unlocked; docs/operations.md tells how to lock it.')
@minValue(1)
@maxValue(146000)
param ledgerDays int = 1825

@description('Who is mailed when a run fails or when none has succeeded for two days.')
param alertMail array

@description('Tell the same people when the runs of a day ask more operations of Dataverse than this. 0: never. What a tenant is entitled to stands in the admin center of Power Platform.')
@minValue(0)
param operationsAlert int = 40000

@description('For how many days logs are kept. They hold table names, row ids and counts, no names.')
@minValue(30)
@maxValue(730)
param logDays int = 90

@description('Redundancy of the storage account of the ledger.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param ledgerRedundancy string = 'Standard_ZRS'

@description('32 random bytes in base64 (openssl rand -base64 32) that seal what nights keep, so that the next night asks only for what has changed; empty: each night reads everything.')
@secure()
param stateKey string = ''

@description('Put on everything.')
param tags object = {}

var unique = uniqueString(resourceGroup().id, name)
var files = policyFiles.files
var volume = '/policy'
var deadline = longestRun - 600

// ── What it runs as ────────────────────────────────────────────────────────────────────────────────────────────────

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${name}-identity'
  location: location
  tags: tags
}

// ── The ledger ─────────────────────────────────────────────────────────────────────────────────────────────────────

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: take(toLower(replace('${name}${unique}', '-', '')), 24)
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: ledgerRedundancy
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false // only identities sign in: there is no key to lose
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: account
  name: 'default'
  properties: {
    containerDeleteRetentionPolicy: {
      enabled: true
      days: 30
    }
  }
}

resource ledger 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: 'ledger'
  properties: {
    publicAccess: 'None'
  }
}

resource immutable 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2023-05-01' = {
  parent: ledger
  name: 'default'
  properties: {
    immutabilityPeriodSinceCreationInDays: ledgerDays
    allowProtectedAppendWrites: true // lines can be added, never changed or deleted
  }
}

// What the job may do there: read, and add. Azure's own role for contributors may delete as well.
resource appender 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, name, 'ledger appender')
  properties: {
    roleName: '${name} ledger appender (${unique})'
    description: 'Reads the ledger and adds to it'
    type: 'CustomRole'
    permissions: [
      {
        actions: [
          'Microsoft.Storage/storageAccounts/blobServices/containers/read'
        ]
        dataActions: [
          'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'
          'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write'
          'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action'
        ]
      }
    ]
    assignableScopes: [
      resourceGroup().id
    ]
  }
}

resource appends 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: ledger
  name: guid(ledger.id, identity.id, appender.id)
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: appender.id
  }
}

// What nights keep is written anew and deleted each night: in a container of its own, which nothing protects from the job.
resource nights 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = if (!empty(stateKey)) {
  parent: blobs
  name: 'nights'
  properties: {
    publicAccess: 'None'
  }
}

resource keeps 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(stateKey)) {
  scope: nights
  name: guid(nights.id, identity.id, 'keeps')
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    // Storage Blob Data Contributor
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'ba92f5b4-2d11-453d-a403-e96b0029c9fe')
  }
}

// ── The image ──────────────────────────────────────────────────────────────────────────────────────────────────────

resource images 'Microsoft.ContainerRegistry/registries@2023-07-01' existing = if (!empty(registry)) {
  name: empty(registry) ? 'none' : registry
}

resource pulls 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(registry)) {
  scope: images
  name: guid(resourceGroup().id, registry, identity.id, 'AcrPull')
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '7f951dda-4ed3-4680-a7ca-43fe172d538d')
  }
}

// ── Logs ───────────────────────────────────────────────────────────────────────────────────────────────────────────

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: '${name}-logs'
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: logDays
  }
}

resource environment 'Microsoft.App/managedEnvironments@2024-03-01' = {
  name: '${name}-environment'
  location: location
  tags: tags
  properties: {
    appLogsConfiguration: {
      destination: 'log-analytics'
      logAnalyticsConfiguration: {
        customerId: logs.properties.customerId
        sharedKey: logs.listKeys().primarySharedKey
      }
    }
    workloadProfiles: [
      {
        name: 'Consumption'
        workloadProfileType: 'Consumption'
      }
    ]
  }
}

// ── The jobs ───────────────────────────────────────────────────────────────────────────────────────────────────────

var settings = concat([
  { name: 'GALLRA_URL', value: dataverseUrl }
  { name: 'GALLRA_AUTH', value: 'managed-identity' }
  { name: 'GALLRA_CLIENT_ID', value: identity.properties.clientId }
  { name: 'GALLRA_POLICY', value: '${volume}/${files[0].name}' }
  { name: 'GALLRA_LEDGER', value: '${account.properties.primaryEndpoints.blob}${ledger.name}' }
  { name: 'GALLRA_LOG_FORMAT', value: 'json' }
  { name: 'GALLRA_SKIP_IF_LOCKED', value: 'true' } // two ticks can overlap: the second leaves it to the first
], empty(stateKey) ? [] : [
  { name: 'GALLRA_STATE', value: '${account.properties.primaryEndpoints.blob}nights' }
  { name: 'GALLRA_STATE_KEY', secretRef: 'state-key' }
])

// A container app's volume of secrets: each file of the policy by its name.
var policies = [for (file, i) in files: {
  name: 'policy-${i}'
  value: file.text
}]
var secrets = concat(policies, empty(stateKey) ? [] : [
  {
    name: 'state-key'
    value: stateKey
  }
])
var mounted = [for (file, i) in files: {
  secretRef: 'policy-${i}'
  path: file.name
}]
var registries = empty(registry) ? [] : [
  {
    server: '${registry}.azurecr.io'
    identity: identity.id
  }
]

resource job 'Microsoft.App/jobs@2024-03-01' = {
  name: '${name}-run'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    environmentId: environment.id
    workloadProfileName: 'Consumption'
    configuration: {
      triggerType: 'Schedule'
      scheduleTriggerConfig: {
        cronExpression: schedule
        parallelism: 1
        replicaCompletionCount: 1
      }
      replicaTimeout: longestRun
      replicaRetryLimit: 0 // a run that failed is looked at, not repeated; the next night goes on where it ended
      registries: registries
      secrets: secrets
    }
    template: {
      containers: [
        {
          name: 'gallra'
          image: image
          args: concat(['run', '--stop-after', '${deadline}s'], apply ? ['--apply'] : [])
          env: settings
          resources: {
            cpu: json('0.5')
            memory: '1Gi'
          }
          volumeMounts: [
            {
              volumeName: 'policy'
              mountPath: volume
            }
          ]
        }
      ]
      volumes: [
        {
          name: 'policy'
          storageType: 'Secret'
          secrets: mounted
        }
      ]
    }
  }
  dependsOn: [
    appends
    keeps
    pulls
  ]
}

resource notify 'Microsoft.App/jobs@2024-03-01' = if (!empty(notifySchedule)) {
  name: '${name}-notify'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    environmentId: environment.id
    workloadProfileName: 'Consumption'
    configuration: {
      triggerType: 'Schedule'
      scheduleTriggerConfig: {
        cronExpression: notifySchedule
        parallelism: 1
        replicaCompletionCount: 1
      }
      replicaTimeout: 3600
      replicaRetryLimit: 0
      registries: registries
      secrets: secrets
    }
    template: {
      containers: [
        {
          name: 'gallra'
          image: image
          args: concat(['notify'], apply ? ['--apply'] : [])
          env: settings
          resources: {
            cpu: json('0.5')
            memory: '1Gi'
          }
          volumeMounts: [
            {
              volumeName: 'policy'
              mountPath: volume
            }
          ]
        }
      ]
      volumes: [
        {
          name: 'policy'
          storageType: 'Secret'
          secrets: mounted
        }
      ]
    }
  }
  dependsOn: [
    appends
    keeps
    pulls
  ]
}

// ── Who hears of it ────────────────────────────────────────────────────────────────────────────────────────────────

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${name}-people'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: take(name, 12)
    enabled: true
    emailReceivers: [for (address, i) in alertMail: {
      name: 'mail-${i}'
      emailAddress: address
      useCommonAlertSchema: true
    }]
  }
}

// Every run that may write ends with one line that says how: "job ended", with its exit code.
var ended = 'ContainerAppConsoleLogs_CL | where ContainerGroupName_s startswith "${name}-run" | extend line = parse_json(Log_s) | where tostring(line.msg) == "job ended"'

resource failed 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: '${name}-failed'
  location: location
  tags: tags
  properties: {
    displayName: '${name}: a run failed, was stopped by a guard rail, or left persons behind'
    description: 'The line in the log says which and what to do; docs/operations.md goes through the exit codes.'
    severity: 2
    enabled: true
    scopes: [
      logs.id
    ]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT30M'
    criteria: {
      allOf: [
        {
          query: '${ended} | where toint(line.exit) != 0'
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    skipQueryValidation: true // the table is there only once a job has logged
    autoMitigate: false
    actions: {
      actionGroups: [
        people.id
      ]
    }
  }
  dependsOn: [
    job
  ]
}

// Every run also says what it asked of Dataverse: "run ended", with its operations. They come from a pool by day that all
// application users of the tenant share.
resource dear 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = if (operationsAlert > 0) {
  name: '${name}-operations'
  location: location
  tags: tags
  properties: {
    displayName: '${name}: the runs of a day asked more of Dataverse than is meant'
    description: 'docs/operations.md tells what a purged person costs and how to spread a backlog over nights: --max-operations, limits.operations.'
    severity: 3
    enabled: true
    scopes: [
      logs.id
    ]
    evaluationFrequency: 'PT1H'
    windowSize: 'P1D'
    criteria: {
      allOf: [
        {
          query: 'ContainerAppConsoleLogs_CL | where ContainerGroupName_s startswith "${name}-run" | extend line = parse_json(Log_s) | where tostring(line.msg) == "run ended" | summarize operations = sum(tolong(line.operations))'
          metricMeasureColumn: 'operations'
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: operationsAlert
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    skipQueryValidation: true
    autoMitigate: true
    actions: {
      actionGroups: [
        people.id
      ]
    }
  }
  dependsOn: [
    job
  ]
}

// A job that is killed, that cannot pull its image or that nobody starts writes no line at all: this is the alert for that.
resource silent 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = if (apply) {
  name: '${name}-no-success'
  location: location
  tags: tags
  properties: {
    displayName: '${name}: no run has succeeded for two days'
    description: 'Persons whose day has come are not being purged. docs/operations.md tells where to look.'
    severity: 1
    enabled: true
    scopes: [
      logs.id
    ]
    evaluationFrequency: 'PT1H'
    windowSize: 'P2D'
    criteria: {
      allOf: [
        {
          query: '${ended} | where toint(line.exit) == 0'
          timeAggregation: 'Count'
          operator: 'LessThan'
          threshold: 1
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    skipQueryValidation: true
    autoMitigate: true
    actions: {
      actionGroups: [
        people.id
      ]
    }
  }
  dependsOn: [
    job
  ]
}

@description('Make this the application user in Dynamics 365: gallra provision --application-user CLIENT-ID')
output clientId string = identity.properties.clientId

@description('Where the ledger lies: GALLRA_LEDGER for whoever verifies it.')
output ledgerUrl string = '${account.properties.primaryEndpoints.blob}${ledger.name}'

output jobName string = job.name
